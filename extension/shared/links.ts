/**
 * What the plots and viewers on a page tell each other: which cells are picked out, which one was
 * clicked, where to look.  The widgets are built apart and meet on `window`.
 */

/** A label image over an image, as a viewer knows it. */
export interface LabelsAt {
  repository: string;
  imageId: number;
  labelsId: number;
  name: string;
}

export interface Cell extends LabelsAt {
  value: number;
}

/** A cell that a plot knows by its image and the number of its object. */
export interface Wanted {
  repository: string;
  imageId: number;
  /** null: the label image is known by its name only. */
  labelsId: number | null;
  name: string;
  value: number;
}

/** The colours, 0xRRGGBB, of the cells that a plot picks out; null where it says nothing. */
export type Picked = (labels: LabelsAt) => Map<number, number> | null;

interface Messages {
  picked: null;
  clicked: Cell | null;
  look: Wanted & { link: string };
}

interface Meeting {
  readonly events: EventTarget;
  readonly picked: Map<string, Picked>;
}

declare global {
  interface Window {
    __omeroJlabMeeting?: Meeting;
  }
}

function meeting(): Meeting {
  return (window.__omeroJlabMeeting ??= { events: new EventTarget(), picked: new Map() });
}

/** Tell everybody on the page. */
export function tell<K extends keyof Messages>(kind: K, message: Messages[K]): void {
  meeting().events.dispatchEvent(new CustomEvent(kind, { detail: message }));
}

/** Call `listener` with each message of a kind; returns what ends that. */
export function hear<K extends keyof Messages>(
  kind: K,
  listener: (message: Messages[K]) => void
): () => void {
  const call = (event: Event) => listener((event as CustomEvent<Messages[K]>).detail);
  meeting().events.addEventListener(kind, call);
  return () => meeting().events.removeEventListener(kind, call);
}

/** Say which cells a plot picks out, or with null that it picks none. */
export function pick(plot: string, picked: Picked | null): void {
  const now = meeting().picked;
  if (picked === null && !now.has(plot)) {
    return;
  }
  if (picked) {
    now.set(plot, picked);
  } else {
    now.delete(plot);
  }
  tell('picked', null);
}

/** The cells of a label image that any plot picks out; null where none speaks of it. */
export function pickedIn(labels: LabelsAt): Map<number, number> | null {
  let all: Map<number, number> | null = null;
  for (const picked of meeting().picked.values()) {
    const found = picked(labels);
    if (found) {
      all = all ? new Map([...all, ...found]) : found;
    }
  }
  return all;
}

/** Whether a viewer's label image is the one that a plot speaks of. */
export function isSame(labels: LabelsAt, wanted: Omit<Wanted, 'value'>): boolean {
  return (
    labels.repository === wanted.repository &&
    labels.imageId === wanted.imageId &&
    (wanted.labelsId === null ? labels.name === wanted.name : labels.labelsId === wanted.labelsId)
  );
}
