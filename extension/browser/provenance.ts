/** How a result was made, folded below its name. */
import { el } from '../shared/dom';
import type { Provenance } from '../shared/records';

const LONGEST = 2000;

/** What is known, in pairs of a name and a text. */
export function provenanceFacts(made: Provenance): [string, string][] {
  const parameters = Object.entries(made.parameters ?? {}).map(
    ([name, value]) => `${name} = ${typeof value === 'string' ? value : JSON.stringify(value)}`
  );
  const facts: [string, string][] = [
    ['Program', `${made.program} ${made.version}`.trim()],
    ['Pipeline', made.pipeline],
    ['Pipeline file', made.pipeline_file_id === null ? '' : `file ${made.pipeline_file_id}`],
    ['Parameters', parameters.join('\n')],
    ['Images', (made.image_ids ?? []).join(', ')],
    ['Files', (made.files ?? []).join(', ')],
    ['Cell', made.cell],
    ['Source', made.source ? `SHA-256 ${made.source}` : ''],
    ['Run', made.run ?? ''],
    ['When', made.made_at ? new Date(made.made_at).toLocaleString() : ''],
    ['By', made.made_by]
  ];
  return facts.filter(([, text]) => text).map(([name, text]) => [name, shortened(text)]);
}

/** A folded list under one line that says the most; null where nothing is known. */
export function provenanceOf(made: Provenance | null | undefined): HTMLElement | null {
  const facts = made ? provenanceFacts(made) : [];
  if (!made || !facts.length) {
    return null;
  }
  const program = `${made.program} ${made.version}`.trim() || made.pipeline;
  const day = made.made_at ? new Date(made.made_at).toLocaleDateString() : '';
  const summary = [program, made.made_by, day].filter(Boolean).join(' · ');
  return el(
    'details',
    'provenance',
    {},
    el('summary', '', { title: 'How this was made' }, summary || 'How this was made'),
    el(
      'div',
      'facts',
      {},
      ...facts.flatMap(([name, text]) => [
        el('span', 'fact-name', {}, name),
        el('span', 'fact', {}, text)
      ])
    )
  );
}

function shortened(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)} …`;
}
