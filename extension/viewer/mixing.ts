/**
 * Channels are mixed on the GPU: the shader follows `omero_jlab.rendering` (window, family,
 * gamma, reversal, sum of colours), and its numbers are variables, so moving a window draws
 * again and fetches nothing.
 */
import type { ExpressionValue } from 'ol/expr/expression';
import type { Style } from 'ol/layer/WebGLTile';

import type { ChannelSettings, Settings } from '../shared/records';
import { NOT_A_NUMBER, shortDtype } from './decode';

type Expression = ExpressionValue;

const DEVICE_MAX = 255;
// Between two stops, log is off by less than a quarter of 1/255.
const LOG_STOPS = 40;

/** What of the settings is written into the shader; where it changes, so does the shader. */
export function structureOf(settings: Settings, loaded: readonly number[]): string {
  return loaded
    .map(c => {
      const { family, gamma, reverse, coefficient } = settings.channels[c];
      const k = family === 'polynomial' || family === 'exponential' ? coefficient : '';
      return `${c}:${family}${k}${gamma !== 1 ? '^' : ''}${reverse ? '!' : ''}`;
    })
    .join();
}

/** The shader for `loaded` channels, which are the bands of the tiles in this order. */
export function styleOf(settings: Settings, loaded: readonly number[], dtype: string): Style {
  const bright = loaded.map((c, i) => brightness(settings.channels[c], i, dtype));
  const sum = (sample: string): Expression =>
    bright.reduce<Expression>(
      (total, y, i) => ['+', total, ['*', ['var', `${sample}${i}`], y]] as Expression,
      0 as unknown as Expression
    );
  return {
    color: ['color', sum('r'), sum('g'), sum('b'), 1] as unknown as Expression,
    variables: variablesOf(settings, loaded, dtype)
  };
}

/** The shader's numbers: window, gamma and colour of each band. */
export function variablesOf(
  settings: Settings,
  loaded: readonly number[],
  dtype: string
): Record<string, number> {
  // A texture of bytes shows 255 as 1.
  const unit = shortDtype(dtype) === 'u1' ? 255 : 1;
  const first = settings.channels.findIndex(each => each.active);
  const found: Record<string, number> = {};
  loaded.forEach((c, i) => {
    const channel = settings.channels[c];
    const drawn = settings.greyscale ? c === first : channel.active;
    const color = settings.greyscale ? 'FFFFFF' : channel.color;
    found[`s${i}`] = channel.start / unit;
    found[`w${i}`] = (channel.end - channel.start) / unit;
    found[`gamma${i}`] = channel.gamma;
    for (const [j, sample] of ['r', 'g', 'b'].entries()) {
      found[`${sample}${i}`] = drawn ? parseInt(color.slice(2 * j, 2 * j + 2), 16) : 0;
    }
  });
  return found;
}

function brightness(channel: ChannelSettings, i: number, dtype: string): Expression {
  const value = ['band', i + 1];
  const place = ['clamp', ['/', ['-', value, ['var', `s${i}`]], ['var', `w${i}`]], 0, 1];
  let y: unknown = family(place, channel);
  if (channel.gamma !== 1) {
    y = ['^', y, ['var', `gamma${i}`]];
  }
  if (channel.reverse) {
    y = ['-', 1, y];
    if (shortDtype(dtype)[0] === 'f') {
      y = ['case', ['<=', value, NOT_A_NUMBER / 2], 0, y];
    }
  }
  return y as Expression;
}

function family(x: unknown, channel: ChannelSettings): unknown {
  const k = channel.coefficient;
  switch (channel.family) {
    case 'polynomial':
      return ['^', x, k];
    case 'logarithmic':
      return ['interpolate', ['linear'], x, ...logarithm()];
    case 'exponential':
      return exponential(x, Math.min(k, 10));
    default:
      return x;
  }
}

/** Stops of log(max(255 x, 1)) / log(255), evenly spaced in log(x): OpenLayers has no log. */
function logarithm(): number[] {
  const stops = [0, 0];
  for (let i = 0; i <= LOG_STOPS; i++) {
    stops.push(DEVICE_MAX ** (i / LOG_STOPS - 1), i / LOG_STOPS);
  }
  return stops;
}

/** (exp(u^k) - 1) / (exp(255^k) - 1) with u = 255 x, written so that nothing overflows. */
function exponential(x: unknown, k: number): unknown {
  const most = DEVICE_MAX ** k;
  const t = ['^', ['*', DEVICE_MAX, x], k];
  const grown = ['^', Math.E, ['-', t, most]];
  const rest = ['-', 1, ['^', Math.E, ['-', 0, t]]];
  return ['/', ['*', grown, rest], -Math.expm1(-most)];
}
