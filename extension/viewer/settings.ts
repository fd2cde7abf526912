/** The buttons for settings as a whole: save, copy, paste, and those of others. */
import { el, wasAborted } from '../shared/dom';
import type { Image, Settings, UserSettings } from '../shared/records';
import { json, type Transport } from '../shared/request';
import { rangeOf } from './decode';
import { copy, defaultSettings, overType, overValues, pasted } from './rendering';

const SAID_MS = 4000;

export class SettingsBar {
  readonly node: HTMLElement;
  private readonly list = el('div', 'menu-list');
  private readonly menu: HTMLDetailsElement;
  private readonly said = el('p', 'hint', { role: 'status', hidden: true });
  private readonly save: HTMLButtonElement;
  private timer = 0;

  constructor(
    private readonly transport: Transport,
    private readonly image: Image,
    /** The settings of now, with the plane shown. */
    private readonly now: () => Settings,
    private readonly take: (settings: Settings) => void,
    private readonly signal: AbortSignal
  ) {
    this.save = button('Save', 'Keep this as how you see the image', () => void this.keep());
    this.save.hidden = !transport.canWrite;
    this.menu = el(
      'details',
      'menu',
      {
        ontoggle: () => this.menu.open && void this.fill(),
        onkeydown: (event: KeyboardEvent) => {
          if (event.key === 'Escape' && this.menu.open) {
            this.close();
            event.stopPropagation();
          }
        },
        onfocusout: (event: FocusEvent) => {
          if (event.relatedTarget && !this.menu.contains(event.relatedTarget as Node)) {
            this.menu.open = false;
          }
        }
      },
      el('summary', 'button', { title: 'Other ways to draw the image' }, 'Draw as'),
      this.list
    );
    this.node = el(
      'div',
      '',
      {},
      el(
        'div',
        'button-row',
        {},
        this.save,
        button('Reset', 'The windows and colours of the image', () =>
          take(defaultSettings(image, now()))
        ),
        button('Copy', 'Copy how this image is drawn', () => {
          copy(now());
          this.say('Copied: Paste draws another image on this page so.');
        }),
        button('Paste', 'Draw this image as the one that was copied', () => {
          try {
            take(pasted(image, now()));
            this.say('');
          } catch (error) {
            this.say((error as Error).message);
          }
        }),
        this.menu
      ),
      this.said
    );
  }

  dispose(): void {
    window.clearTimeout(this.timer);
  }

  private say(text: string): void {
    window.clearTimeout(this.timer);
    this.said.textContent = text;
    this.said.hidden = !text;
    this.timer = window.setTimeout(() => (this.said.hidden = true), SAID_MS);
  }

  private async keep(): Promise<void> {
    this.save.disabled = true;
    try {
      await this.transport.put(`${this.path}/settings`, { settings: this.now() });
      this.save.textContent = 'Saved';
      window.setTimeout(() => (this.save.textContent = 'Save'), 1500);
    } catch (error) {
      this.say((error as Error).message);
    } finally {
      this.save.disabled = false;
    }
  }

  private get path(): string {
    return `images/${this.image.id}`;
  }

  /** List what the image can be drawn as, with the settings that people have kept. */
  private async fill(): Promise<void> {
    const { image, now } = this;
    const entry = (text: string, settings: () => Settings) =>
      el(
        'button',
        'menu-entry',
        {
          type: 'button',
          onclick: () => {
            this.take({ ...settings(), z: now().z, t: now().t });
            this.close();
          }
        },
        text
      );
    const plain = image.is_rgb
      ? []
      : [
          entry('Least to greatest value', () => overValues(image, now())),
          ...(rangeOf(image.dtype) ? [entry(`All of ${image.dtype}`, () => overType(image, now()))] : [])
        ];
    const wait = el('p', 'hint', {}, 'Loading …');
    this.list.replaceChildren(...plain, wait);
    try {
      const [imported, kept] = await Promise.all([
        json<Settings>(this.transport, `${this.path}/settings/default`, this.signal),
        json<UserSettings[]>(this.transport, `${this.path}/settings/all`, this.signal)
      ]);
      const forget = el(
        'button',
        'menu-entry',
        { type: 'button', onclick: () => void this.forget() },
        'Forget what I saved'
      );
      wait.replaceWith(
        entry('As imported', () => imported),
        ...kept.map(({ user_id, user_name, settings }) =>
          entry(`As ${user_name} saved it${user_id === image.owner_id ? ' (owner)' : ''}`, () => settings)
        ),
        ...(kept.length && this.transport.canWrite ? [forget] : [])
      );
    } catch (error) {
      if (!wasAborted(error)) {
        wait.textContent = (error as Error).message;
      }
    }
  }

  private async forget(): Promise<void> {
    this.close();
    try {
      await this.transport.remove(`${this.path}/settings`);
      const left = await json<Settings>(this.transport, `${this.path}/settings`, this.signal);
      this.take(left);
      this.say('Forgotten: the image is drawn as its owner has it, or as imported.');
    } catch (error) {
      if (!wasAborted(error)) {
        this.say((error as Error).message);
      }
    }
  }

  private close(): void {
    this.menu.open = false;
    this.menu.querySelector('summary')?.focus();
  }
}

function button(text: string, title: string, onclick: () => void): HTMLButtonElement {
  return el('button', 'button', { type: 'button', title, onclick }, text);
}
