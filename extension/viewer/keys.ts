/** The viewer's keys. */

export interface KeyActions {
  /** Switch channel `c` on or off. */
  channel(c: number): void;
  step(axis: 'z' | 't', by: number): void;
  fit(): void;
}

/** Do what a key stands for; false where it stands for nothing, or somebody is typing. */
export function actOn(event: KeyboardEvent, actions: KeyActions): boolean {
  const target = event.target as HTMLElement;
  if (target.closest('input, select') || event.ctrlKey || event.metaKey) {
    return false;
  }
  const act: Record<string, () => void> = {
    ',': () => actions.step('z', -1),
    '.': () => actions.step('z', 1),
    '<': () => actions.step('t', -1),
    '>': () => actions.step('t', 1),
    f: () => actions.fit()
  };
  const call = /^[1-9]$/.test(event.key) ? () => actions.channel(Number(event.key) - 1) : act[event.key];
  call?.();
  return !!call;
}
