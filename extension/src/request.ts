/** The repository's transport inside JupyterLab, with the connection that Lab itself uses. */
import { ServerConnection } from '@jupyterlab/services';

import { HttpTransport, type Transport } from '../shared/request';

export function labTransport(): Transport {
  const settings = ServerConnection.makeSettings();
  return new HttpTransport(settings.baseUrl, settings.token, (url, init) =>
    ServerConnection.makeRequest(url, init, settings)
  );
}
