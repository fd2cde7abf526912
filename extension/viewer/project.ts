/** Projections: how many planes, of which type their pixels become, between which values drawn. */
import type { Image, Method, Projection, Settings } from '../shared/records';
import { shortDtype } from './decode';

/** How many planes a projection of `image` takes; 1 without one. */
export function planesIn(projection: Projection | null, image: Image): number {
  if (!projection) {
    return 1;
  }
  const stop = projection.stop ?? image.sizes[projection.axis];
  return Math.max(1, Math.min(stop, image.sizes[projection.axis]) - projection.start);
}

/** The type of a projection's pixels, as `omero_jlab.rendering.projected_dtype` has it. */
export function projectedDtype(method: Method | undefined, dtype: string): string {
  const short = shortDtype(dtype);
  if (!method || method === 'max' || method === 'min' || short[0] === 'f') {
    return dtype;
  }
  return method === 'mean' ? 'f8' : short[0] === 'i' ? 'i8' : 'u8';
}

/** What the windows of single planes are multiplied by: a sum of n planes is n times as bright. */
export function brightening(projection: Projection | null, image: Image): number {
  return projection?.method === 'sum' ? planesIn(projection, image) : 1;
}

/** Settings for pixels that are `factor` times as bright. */
export function scaled(settings: Settings, factor: number): Settings {
  return factor === 1
    ? settings
    : {
        ...settings,
        channels: settings.channels.map(each => ({
          ...each,
          start: each.start * factor,
          end: each.end * factor
        }))
      };
}

export function isSameProjection(a: Projection | null, b: Projection | null): boolean {
  return (
    a === b ||
    (!!a && !!b && a.method === b.method && a.axis === b.axis && a.start === b.start && a.stop === b.stop)
  );
}
