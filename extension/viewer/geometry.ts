/** Where an image lies on the map: one map unit is a pixel of level 0, y points down. */
import Projection from 'ol/proj/Projection';
import TileGrid from 'ol/tilegrid/TileGrid';

import type { Image } from '../shared/records';

export const TILE = 256;

export interface Geometry {
  width: number;
  height: number;
  extent: [number, number, number, number];
  projection: Projection;
  grid: TileGrid;
  /** The pyramid's level that OpenLayers' zoom `z` stands for. */
  levelOf(z: number): number;
}

export function geometryOf(image: Image): Geometry {
  const { x: width, y: height } = image.sizes;
  const extent: [number, number, number, number] = [0, -height, width, 0];
  const resolutions = image.levels.map((_, level) => scaleOf(image, level)).reverse();
  return {
    width,
    height,
    extent,
    projection: new Projection({ code: 'omero-jlab', units: 'pixels', extent }),
    grid: new TileGrid({ extent, origin: [0, 0], resolutions, tileSize: TILE }),
    levelOf: z => image.levels.length - 1 - z
  };
}

/** How many pixels of level 0 one pixel of `level` covers along a side. */
export function scaleOf(image: Image, level: number): number {
  const { x: width, y: height } = image.sizes;
  const { width: w, height: h } = image.levels[level];
  const ratio = Math.max(width / w, height / h);
  const whole = Math.round(ratio);
  // Halving a size rounds: 8191 over 4096 still means that each pixel covers two.
  const fits = Math.abs(width / whole - w) < 1 && Math.abs(height / whole - h) < 1;
  return fits ? whole : ratio;
}
