/** The repository's transport inside JupyterLab, with the connection that Lab itself uses. */
import { ServerConnection } from '@jupyterlab/services';

import { HttpTransport, type Transport } from '../shared/request';

export function labTransport(): Transport {
  const settings = ServerConnection.makeSettings();
  return new HttpTransport(settings.baseUrl, settings.token, (url, init) =>
    // Without this Lab adds the time to the query, and no picture would ever be cached.
    ServerConnection.makeRequest(url, { ...init, cache: 'default' }, settings)
  );
}
