/** How the repository fares: a line where something is amiss with it, and what it is. */
import { el } from '../shared/dom';
import type { Status } from '../shared/records';
import { json, type Transport } from '../shared/request';

const EVERY_MS = 30_000;
const GB = 1e9;

const TIERS: Record<Status['tier'], string> = {
  personal:
    'Personal repository: it runs as you, so permissions do not bind your own kernel. ' +
    'They hold for everybody who comes in through the server.',
  team: 'Team repository: permissions hold for every user and every kernel.'
};

export class HealthLine {
  readonly node = el('div', 'health', { role: 'status', hidden: true });
  readonly about = el('div', 'about', { id: 'jp-OmeroJlab-about', hidden: true });
  readonly button = el(
    'button',
    'button icon-button',
    {
      type: 'button',
      'aria-label': 'About this repository',
      'aria-expanded': 'false',
      'aria-controls': 'jp-OmeroJlab-about',
      onclick: () => {
        this.about.hidden = !this.about.hidden;
        this.button.setAttribute('aria-expanded', String(!this.about.hidden));
      }
    },
    'i'
  );
  private timer = 0;

  constructor(private readonly transport: Transport) {}

  /** Ask how it fares, and say so. */
  async look(): Promise<Status> {
    try {
      const status = await json<Status>(this.transport, 'status');
      this.show(status);
      return status;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.warn(`The repository cannot be reached. ${text}`);
      throw error;
    }
  }

  /** Look again now and then while somebody sees it. */
  watch(): void {
    window.clearInterval(this.timer);
    // Messages to the kernel would wait behind the running cell.
    if (this.transport.canWrite) {
      this.timer = window.setInterval(() => {
        if (!document.hidden && this.button.checkVisibility()) {
          this.look().catch(() => undefined);
        }
      }, EVERY_MS);
    }
  }

  dispose(): void {
    window.clearInterval(this.timer);
  }

  private show({ tier, user, version, health }: Status): void {
    const lines = [
      TIERS[tier],
      `You are ${user.name}${user.is_admin ? ', an administrator' : ''}.`,
      `${Math.floor(health.bytes_free / GB)} of ${Math.ceil(health.bytes_total / GB)} GB are free.`,
      `omero-jlab ${version}`
    ];
    this.button.title = lines.join('\n');
    this.about.replaceChildren(...lines.map(each => el('div', '', {}, each)));
    if (health.state === 'ok') {
      this.node.hidden = true;
    } else {
      const since = health.since ? `Since ${new Date(health.since).toLocaleString()}: ` : '';
      this.warn(since + (health.writable ? health.warning : health.reason), health.writable);
    }
  }

  private warn(text: string, quietly = false): void {
    this.node.hidden = false;
    this.node.classList.toggle('jp-mod-quiet', quietly);
    // A screen reader would read the same text again.
    if (this.node.textContent !== text) {
      this.node.textContent = text;
    }
  }
}
