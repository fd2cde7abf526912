/** What a test of the page may ask of the viewers on it. */

export interface ViewerHook {
  imageId: number;
  /** Resolves when the image is there and its first view is drawn. */
  ready: Promise<void>;
  /** Resolves when everything in view is drawn. */
  drawn(): Promise<void>;
  /**
   * RGBA of what is drawn, row by row, from `x`, `y` of level 0 on; `zoom` screen pixels per pixel
   * of level 0, which is 1 where nothing is said.
   */
  readPixels(x: number, y: number, width: number, height: number, zoom?: number): Promise<number[]>;
}

declare global {
  interface Window {
    __omeroJlabViewers?: ViewerHook[];
  }
}

/** List a viewer; returns what takes it off the list again. */
export function announce(hook: ViewerHook): () => void {
  const viewers = (window.__omeroJlabViewers ??= []);
  viewers.push(hook);
  return () => {
    const i = viewers.indexOf(hook);
    if (i >= 0) {
      viewers.splice(i, 1);
    }
  };
}
