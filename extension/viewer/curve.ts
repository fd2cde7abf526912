/** What lies between a channel's black and its full colour: curve, lookup table, gamma, reversal. */
import { el } from '../shared/dom';
import type { ChannelSettings, Family } from '../shared/records';

const FAMILIES: Family[] = ['linear', 'polynomial', 'exponential', 'logarithmic'];

/** The folded fields of a channel; they are open where anything is not as usual. */
export function curveFields(
  channel: ChannelSettings,
  name: string,
  tables: string[],
  changed: (change: Partial<ChannelSettings>) => void
): HTMLElement {
  const number = (label: string, spoken: string, value: number, key: 'gamma' | 'coefficient') =>
    el(
      'label',
      '',
      { title: spoken },
      label,
      el('input', '', {
        type: 'number',
        min: 0.01,
        step: 'any',
        value,
        'aria-label': `${spoken} of ${name}`,
        onchange: (event: Event) => {
          const found = (event.target as HTMLInputElement).valueAsNumber;
          if (found > 0) {
            changed({ [key]: found });
          }
        }
      })
    );
  const coefficient = number('k', 'Coefficient', channel.coefficient, 'coefficient');
  const bent = (family: Family) => family === 'polynomial' || family === 'exponential';
  coefficient.hidden = !bent(channel.family);
  const families = el(
    'select',
    '',
    {
      'aria-label': `Curve of ${name}`,
      onchange: (event: Event) => {
        const family = (event.target as HTMLSelectElement).value as Family;
        coefficient.hidden = !bent(family);
        changed({ family });
      }
    },
    ...FAMILIES.map(each => el('option', '', { value: each, selected: each === channel.family }, each))
  );
  const lut = channel.lut ?? '';
  const known = ['', ...new Set([...tables, ...(lut ? [lut] : [])])];
  const table = el(
    'select',
    '',
    {
      'aria-label': `Lookup table of ${name}`,
      onchange: (event: Event) => changed({ lut: (event.target as HTMLSelectElement).value })
    },
    ...known.map(each =>
      el('option', '', { value: each, selected: each === lut }, each || 'one colour')
    )
  );
  const reverse = el('input', '', {
    type: 'checkbox',
    checked: channel.reverse,
    'aria-label': `Invert ${name}`,
    onchange: (event: Event) => changed({ reverse: (event.target as HTMLInputElement).checked })
  });
  const isPlain = channel.family === 'linear' && channel.gamma === 1 && !channel.reverse && !lut;
  return el(
    'details',
    'curve',
    { open: !isPlain },
    el('summary', '', { 'aria-label': `Curve, ${name}` }, 'Curve'),
    el(
      'div',
      'curve-fields',
      {},
      families,
      table,
      number('γ', 'Gamma', channel.gamma, 'gamma'),
      coefficient,
      el('label', '', {}, reverse, 'invert')
    )
  );
}
