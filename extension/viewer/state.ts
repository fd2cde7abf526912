/** What of a viewer can be set from outside and changes inside. */
import type { Labels, Projection, Settings } from '../shared/records';
import type { Look, Shown } from './stage';

const OPACITY = 0.6;

export interface Selection {
  labels_id: number;
  value: number;
}

export interface LabelsState {
  id: number;
  name: string;
  visible: boolean;
  opacity: number;
}

/** null means: as the repository says; no projection, nothing selected. */
export interface State {
  settings: Settings | null;
  z: number | null;
  t: number | null;
  projection: Projection | null;
  labels: LabelsState[] | null;
  selection: Selection | null;
  view: Look | null;
}

export const UNSET: State = {
  settings: null,
  z: null,
  t: null,
  projection: null,
  labels: null,
  selection: null,
  view: null
};

/** The label images of an image as `given` says; the first one is visible where nothing is said. */
export function merged(labels: Labels[], given: LabelsState[] | null): Shown[] {
  return labels.map((each, i) => {
    const known = given?.find(({ id }) => id === each.id);
    return {
      labels: each,
      visible: known ? known.visible : given === null && i === 0,
      opacity: known?.opacity ?? OPACITY
    };
  });
}

export function states(shown: Shown[]): LabelsState[] {
  return shown.map(({ labels, visible, opacity }) => ({
    id: labels.id,
    name: labels.name,
    visible,
    opacity
  }));
}
