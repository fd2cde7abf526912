/**
 * The one way to the repository: HTTP to the server that served the page, or else messages to
 * the kernel.  Paths are relative to the interface's root and carry their query.
 */
import type { Status } from './records';

const API = 'omero-jlab/api/v1/';
const UNREACHABLE = 'Unavailable';

export interface Reply {
  status: number;
  header(name: string): string | null;
  body: ArrayBuffer;
}

export interface Transport {
  /** Whether `put` and `remove` work. */
  readonly canWrite: boolean;
  get(path: string, signal?: AbortSignal): Promise<Reply>;
  put(path: string, body: unknown): Promise<Reply>;
  remove(path: string): Promise<Reply>;
  dispose(): void;
}

/** An answer that says what went wrong, in the server's words. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string
  ) {
    super(message);
  }
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The server's base URL and token as the page says; null where a page says nothing. */
export function pageConfig(): { baseUrl: string; token: string } | null {
  const text = document.getElementById('jupyter-config-data')?.textContent;
  if (!text) {
    return null;
  }
  try {
    const found = JSON.parse(text) as { baseUrl?: string; token?: string };
    return { baseUrl: found.baseUrl ?? '/', token: found.token ?? '' };
  } catch {
    return null;
  }
}

export class HttpTransport implements Transport {
  readonly canWrite = true;

  constructor(
    private readonly baseUrl: string,
    private readonly token: string = '',
    private readonly fetch: Fetch = (url, init) => window.fetch(url, init)
  ) {}

  get(path: string, signal?: AbortSignal): Promise<Reply> {
    return this.send(path, { method: 'GET', signal });
  }

  put(path: string, body: unknown): Promise<Reply> {
    return this.send(path, { method: 'PUT', body: JSON.stringify(body) });
  }

  remove(path: string): Promise<Reply> {
    return this.send(path, { method: 'DELETE' });
  }

  dispose(): void {}

  private async send(path: string, init: RequestInit): Promise<Reply> {
    const headers: Record<string, string> = {};
    if (this.token) {
      headers.Authorization = `token ${this.token}`;
    }
    if (init.method !== 'GET') {
      headers['Content-Type'] = 'application/json';
      // A request that only a cookie authenticates is refused without this.
      const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1];
      if (xsrf) {
        headers['X-XSRFToken'] = xsrf;
      }
    }
    const url = this.baseUrl.replace(/\/*$/, '/') + API + path;
    let answer: Response;
    try {
      answer = await this.fetch(url, { ...init, headers, credentials: 'same-origin' });
    } catch (error) {
      if (init.signal?.aborted) {
        throw error;
      }
      throw new RequestError(0, UNREACHABLE, 'The server does not answer.');
    }
    const body = await answer.arrayBuffer();
    return checked({ status: answer.status, header: name => answer.headers.get(name), body });
  }
}

/** What a widget's model offers for messages to and from its Python side. */
export interface Channel {
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: string, listener: (...args: any[]) => void): void;
  off(event: string, listener: (...args: any[]) => void): void;
}

interface KernelReply {
  kind: 'reply';
  id: number;
  status: number;
  headers: Record<string, string>;
}

let nextId = 1;

export class KernelTransport implements Transport {
  readonly canWrite = true;
  private readonly waiting = new Map<number, (reply: Reply) => void>();

  constructor(private readonly channel: Channel) {
    channel.on('msg:custom', this.receive);
  }

  get(path: string, signal?: AbortSignal): Promise<Reply> {
    return this.ask({ kind: 'get', path }, signal);
  }

  put(path: string, body: unknown): Promise<Reply> {
    return this.ask({ kind: 'put', path, body: JSON.stringify(body) });
  }

  remove(path: string): Promise<Reply> {
    return this.ask({ kind: 'delete', path });
  }

  private async ask(request: Record<string, string>, signal?: AbortSignal): Promise<Reply> {
    const id = nextId++;
    const reply = new Promise<Reply>((resolve, reject) => {
      this.waiting.set(id, resolve);
      signal?.addEventListener('abort', () => {
        this.waiting.delete(id);
        reject(new DOMException('No longer wanted.', 'AbortError'));
      });
    });
    this.channel.send({ ...request, id });
    return checked(await reply);
  }

  dispose(): void {
    this.channel.off('msg:custom', this.receive);
    this.waiting.clear();
  }

  private readonly receive = (content: KernelReply, buffers: DataView[] = []): void => {
    const resolve = content?.kind === 'reply' ? this.waiting.get(content.id) : undefined;
    if (!resolve) {
      return;
    }
    this.waiting.delete(content.id);
    const lower = new Map(
      Object.entries(content.headers).map(([name, value]) => [name.toLowerCase(), value])
    );
    const view = buffers[0];
    resolve({
      status: content.status,
      header: name => lower.get(name.toLowerCase()) ?? null,
      // A copy: typed arrays need their offset aligned, and a message's buffers are not.
      body: view
        ? (view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer)
        : new ArrayBuffer(0)
    });
  };
}

/** HTTP where the page's server has this very repository, else the kernel. */
export async function connect(repository: string, channel: Channel): Promise<Transport> {
  const page = pageConfig();
  if (page) {
    const http = new HttpTransport(page.baseUrl, page.token);
    try {
      const status = await json<Status>(http, 'status');
      if (!repository || status.repository === repository) {
        return http;
      }
    } catch (error) {
      if (!(error instanceof RequestError)) {
        throw error;
      }
    }
  }
  return new KernelTransport(channel);
}

export async function json<T>(
  transport: Transport,
  path: string,
  signal?: AbortSignal
): Promise<T> {
  const reply = await transport.get(path, signal);
  return JSON.parse(new TextDecoder().decode(reply.body)) as T;
}

/** `path` with its query; parameters that are undefined or null are left out. */
export function withQuery(
  path: string,
  query: Record<string, string | number | null | undefined>
): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return pairs.length
    ? `${path}?${pairs.map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`).join('&')}`
    : path;
}

function checked(reply: Reply): Reply {
  if (reply.status >= 200 && reply.status < 300) {
    return reply;
  }
  let kind = `HTTP ${reply.status}`;
  let message = `The server answered ${reply.status}.`;
  try {
    const found = JSON.parse(new TextDecoder().decode(reply.body)) as Record<string, unknown>;
    kind = typeof found.error === 'string' ? found.error : kind;
    message = typeof found.message === 'string' && found.message ? found.message : message;
  } catch {
    // A proxy's page of HTML: the status is all that can be said.
  }
  throw new RequestError(reply.status, kind, message);
}
