/** What stands above and below the rows of a table: condition, columns, pages, downloads. */
import { debounced, el } from '../shared/dom';
import { PAGE } from './pages';

const QUIET_MS = 200;

/** Which rows and columns are shown, with what is wrong about the condition. */
export class Conditions {
  readonly node: HTMLElement;
  readonly error = el('div', 'table-error', { role: 'alert', hidden: true });
  private readonly condition: HTMLInputElement;
  private readonly columns: HTMLInputElement;
  private readonly count = el('span', 'status');
  private readonly filtered: { (): void; cancel(): void };

  constructor(
    asked: (condition: string) => void,
    filtered: (words: string) => void,
    reloaded: () => void
  ) {
    this.condition = el('input', 'field table-condition', {
      type: 'search',
      placeholder: 'Rows where …  area > 120 and class == "mitotic"',
      'aria-label': 'Condition',
      spellcheck: 'false',
      title: 'A condition as in pandas; Enter shows the rows that meet it',
      onchange: () => asked(this.condition.value.trim()),
      // The cross in the field empties it without a change.
      onsearch: () => asked(this.condition.value.trim())
    });
    this.filtered = debounced(() => filtered(this.columns.value), QUIET_MS);
    this.columns = el('input', 'field', {
      type: 'search',
      placeholder: 'Columns named …',
      'aria-label': 'Columns by name',
      title: 'Only columns with one of these words in their names',
      oninput: this.filtered
    });
    this.node = el(
      'div',
      '',
      {},
      el(
        'div',
        'toolbar',
        {},
        this.condition,
        this.columns,
        this.count,
        el(
          'button',
          'button icon-button',
          { type: 'button', title: 'Look again', 'aria-label': 'Look again', onclick: reloaded },
          '↻'
        )
      ),
      this.error
    );
  }

  show(condition: string): void {
    if (this.condition.value.trim() !== condition) {
      this.condition.value = condition;
    }
  }

  /** Say what is wrong with the condition; an empty text says that nothing is. */
  refuse(message: string): void {
    this.error.textContent = message;
    this.error.hidden = !message;
    this.condition.setAttribute('aria-invalid', String(!!message));
  }

  showColumns(shown: number, fitting: number, all: number): void {
    const few = fitting === all ? `${all}` : `${fitting} of ${all}`;
    this.count.textContent =
      shown < fitting ? `first ${shown} of ${fitting} columns` : `${few} column${all === 1 ? '' : 's'}`;
    this.count.title = shown < fitting ? 'Name the columns that you want to see' : '';
  }

  dispose(): void {
    this.filtered.cancel();
  }
}

/** Which page is shown, and how to get to others and to files. */
export class Pager {
  readonly node: HTMLElement;
  private readonly text = el('span', 'table-range', { role: 'status' });
  private readonly page: HTMLInputElement;
  private readonly of = el('span', 'status');
  private readonly back: HTMLButtonElement[];
  private readonly on: HTMLButtonElement[];
  private readonly files: HTMLButtonElement[];
  private last = 0;
  private now = 0;

  constructor(turned: (page: number) => void, download: (format: 'csv' | 'parquet') => void) {
    const made = (text: string, title: string, page: () => number) =>
      el(
        'button',
        'button icon-button',
        { type: 'button', title, 'aria-label': title, onclick: () => turned(page()) },
        text
      );
    this.back = [
      made('«', 'First page', () => 0),
      made('‹', 'Page before', () => this.now - 1)
    ];
    this.on = [
      made('›', 'Next page', () => this.now + 1),
      made('»', 'Last page', () => this.last)
    ];
    this.page = el('input', 'table-page', {
      type: 'number',
      min: 1,
      step: 1,
      'aria-label': 'Page',
      onchange: () => {
        const wanted = Math.round(this.page.valueAsNumber);
        turned(Math.max(0, Math.min(this.last, (wanted || this.now + 1) - 1)));
      }
    });
    const file = (text: string, format: 'csv' | 'parquet') =>
      el(
        'button',
        'button',
        {
          type: 'button',
          title: `Download the rows that meet the condition as ${text}, with the columns that were named`,
          'aria-label': `Download as ${text}`,
          onclick: () => download(format)
        },
        text
      );
    this.files = [file('CSV', 'csv'), file('Parquet', 'parquet')];
    this.node = el(
      'div',
      'toolbar table-pager',
      {},
      ...this.back, this.page, this.of, ...this.on, this.text,
      el('span', 'table-files', {}, 'Download', ...this.files)
    );
  }

  /** Show that rows from `offset` are shown, `count` of `total`; `all` is without the condition. */
  show(offset: number, count: number, total: number, all: number): void {
    this.now = Math.floor(offset / PAGE);
    this.last = Math.max(0, Math.ceil(total / PAGE) - 1);
    this.page.value = String(this.now + 1);
    this.page.max = String(this.last + 1);
    this.of.textContent = `of ${number(this.last + 1)}`;
    this.back.forEach(each => (each.disabled = this.now === 0));
    this.on.forEach(each => (each.disabled = this.now >= this.last));
    const rows = `${number(total)} row${total === 1 ? '' : 's'}`;
    const whole = total === all ? rows : `${rows} (all: ${number(all)})`;
    this.text.textContent = count ? `${number(offset + 1)}–${number(offset + count)} of ${whole}` : whole;
  }

  /** Show that a file is being made. */
  wait(isWaiting: boolean): void {
    this.files.forEach(each => (each.disabled = isWaiting));
  }
}

function number(value: number): string {
  return value.toLocaleString('en');
}
