/** Bytes from the server become numbers, and numbers become what a texture takes. */
import type { Reply } from '../shared/request';
import { RequestError } from '../shared/request';

export type Numbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** Planar pixels, shape (channels, height, width). */
export interface Planes {
  values: Numbers;
  channels: number;
  height: number;
  width: number;
}

/** What stands for NaN in a texture, where NaN itself compares differently on each GPU. */
export const NOT_A_NUMBER = -3.4028234663852886e38;

const NAMES: Record<string, string> = {
  bool: 'u1',
  uint8: 'u1',
  int8: 'i1',
  uint16: 'u2',
  int16: 'i2',
  uint32: 'u4',
  int32: 'i4',
  uint64: 'u8',
  int64: 'i8',
  float16: 'f2',
  float32: 'f4',
  float64: 'f8'
};

/** numpy's dtype in its short form, such as `u2`, from either of its forms. */
export function shortDtype(dtype: string): string {
  const bare = dtype.replace(/^[<>|=]/, '');
  return bare === 'b1' ? 'u1' : (NAMES[bare] ?? bare);
}

export function planesOf(reply: Reply): Planes {
  const shape = (reply.header('X-Shape') ?? '').split(',').map(Number);
  const dtype = shortDtype(reply.header('X-Dtype') ?? '');
  const [channels, height, width] = shape.length === 2 ? [1, ...shape] : shape;
  const values = numbers(reply.body, dtype);
  if (!values || values.length !== channels * height * width) {
    throw new RequestError(
      0,
      'Unreadable',
      `The server sent no whole tile (${reply.header('X-Dtype')} ${reply.header('X-Shape')}).`
    );
  }
  return { values, channels, height, width };
}

/**
 * Planes as an OpenLayers data tile: interleaved, padded to `size` × `size`.  Uint8 stays as it
 * is (a texture shows it as 0 to 1), all else becomes Float32, exact up to 2^24.
 */
export function textureOf(planes: Planes, size: number): Uint8Array | Float32Array {
  const { values, channels, height, width } = planes;
  const length = size * size * channels;
  const out = values instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  let from = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      let to = y * size * channels + c;
      for (let x = 0; x < width; x++, to += channels) {
        const value = Number(values[from++]);
        out[to] = value === value ? value : NOT_A_NUMBER;
      }
    }
  }
  return out;
}

function numbers(body: ArrayBuffer, dtype: string): Numbers | null {
  const itemsize = Number(dtype[1]);
  if (!(itemsize > 0) || body.byteLength % itemsize) {
    return null;
  }
  switch (dtype) {
    case 'u1':
      return new Uint8Array(body);
    case 'i1':
      return new Int8Array(body);
    case 'u2':
      return new Uint16Array(body);
    case 'i2':
      return new Int16Array(body);
    case 'u4':
      return new Uint32Array(body);
    case 'i4':
      return new Int32Array(body);
    case 'u8':
      return new BigUint64Array(body);
    case 'i8':
      return new BigInt64Array(body);
    case 'f2':
      return Float32Array.from(new Uint16Array(body), half);
    case 'f4':
      return new Float32Array(body);
    case 'f8':
      return new Float64Array(body);
    default:
      return null;
  }
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) {
    return sign * fraction * 2 ** -24;
  }
  if (exponent === 31) {
    return fraction ? NaN : sign * Infinity;
  }
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The range of values that pixels of `dtype` can have; null for floats, which have none. */
export function rangeOf(dtype: string): [number, number] | null {
  const short = shortDtype(dtype);
  const bits = 8 * Number(short[1]);
  switch (short[0]) {
    case 'u':
      return [0, 2 ** bits - 1];
    case 'i':
      return [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
    default:
      return null;
  }
}
