/** Settings as a whole: as imported, over all values, copied from one image to another. */
import type { ChannelSettings, Image, Settings } from '../shared/records';
import { rangeOf } from './decode';

declare global {
  interface Window {
    /** The settings copied last, for all viewers on the page. */
    __omeroJlabCopied?: Settings;
  }
}

/** How an image is drawn before anybody chose: the windows and colours of its channels. */
export function defaultSettings(image: Image, now: Settings): Settings {
  return {
    ...now,
    greyscale: false,
    is_rgb: image.is_rgb,
    channels: image.channels.map((channel, c) => ({
      active: image.is_rgb || c < 3,
      color: channel.color,
      start: channel.window_start,
      end: channel.window_end > channel.window_start ? channel.window_end : channel.window_start + 1,
      family: 'linear',
      coefficient: 1,
      reverse: false,
      gamma: 1,
      lut: ''
    }))
  };
}

/** Windows from the least to the greatest value of each channel; as they are where unknown. */
export function overValues(image: Image, now: Settings): Settings {
  return windowed(now, (_, c) => {
    const { minimum, maximum } = image.channels[c] ?? {};
    return minimum != null && maximum != null && minimum < maximum ? [minimum, maximum] : null;
  });
}

/** Windows over all values that pixels of this type can have; as they are for floats. */
export function overType(image: Image, now: Settings): Settings {
  return windowed(now, () => rangeOf(image.dtype));
}

export function copy(settings: Settings): void {
  window.__omeroJlabCopied = settings;
}

/** The copied settings for `image`, on its own plane; an `Error` where they do not fit it. */
export function pasted(image: Image, now: Settings): Settings {
  const copied = window.__omeroJlabCopied;
  if (!copied) {
    throw new Error('Nothing was copied yet: use Copy on another image first.');
  }
  const [there, here] = [copied.channels.length, now.channels.length];
  if (there !== here || copied.is_rgb !== now.is_rgb) {
    const kind = (settings: Settings) =>
      settings.is_rgb ? 'a colour picture' : `${settings.channels.length} channels`;
    throw new Error(`What was copied is for ${kind(copied)}, and ${image.name} has ${kind(now)}.`);
  }
  return { ...copied, z: now.z, t: now.t };
}

function windowed(
  settings: Settings,
  of: (channel: ChannelSettings, c: number) => [number, number] | null
): Settings {
  return {
    ...settings,
    channels: settings.channels.map((each, c) => {
      const found = of(each, c);
      return found ? { ...each, start: found[0], end: found[1] } : each;
    })
  };
}
