/** What a test of the page may ask of the plots on it. */

export interface PlotHook {
  /** Resolves when the points are drawn. */
  ready(): Promise<void>;
  /** Where the point of a row is drawn, in pixels of the window; null where it is not. */
  pixelOf(row: number): [number, number] | null;
  /** The ids of the rows that stand out. */
  selected(): number[];
}

declare global {
  interface Window {
    __omeroJlabPlots?: PlotHook[];
  }
}

/** List a plot; returns what takes it off the list again. */
export function announce(hook: PlotHook): () => void {
  const plots = (window.__omeroJlabPlots ??= []);
  plots.push(hook);
  return () => {
    const i = plots.indexOf(hook);
    if (i >= 0) {
      plots.splice(i, 1);
    }
  };
}
