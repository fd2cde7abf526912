/** The repository's records as they travel: the fields that the interface reads. */

export interface Rights {
  can_annotate: boolean;
  can_edit: boolean;
  can_delete: boolean;
  can_link: boolean;
}

export interface Group {
  id: number;
  name: string;
  type: string;
}

/** Whether the repository takes writes, and if not, why not; and what to look after soon. */
export interface Health {
  state: 'ok' | 'warning' | 'no-imports' | 'full' | 'read-only' | 'gone';
  writable: boolean;
  reason: string;
  warning: string;
  since: string | null;
  damaged: number;
  bytes_free: number;
  bytes_total: number;
}

export interface Status {
  repository: string;
  api_version: number;
  version: string;
  tier: 'personal' | 'team';
  user: { id: number; name: string; is_admin: boolean };
  group: Group;
  groups: Group[];
  health: Health;
}

export type Kind =
  | 'project'
  | 'dataset'
  | 'screen'
  | 'plate'
  | 'well'
  | 'image'
  | 'orphaned-datasets'
  | 'orphaned-images'
  | 'orphaned-plates';

/** One line of the tree; `id` is 0 for the folders of what lies nowhere. */
export interface Node {
  kind: Kind;
  id: number;
  name: string;
  child_count: number;
  owner_id: number;
  group_id: number;
  rights: Rights;
}

export interface Page {
  nodes: Node[];
  next: string | null;
  total: number;
}

export interface Hit {
  kind: Kind;
  id: number;
  name: string;
  detail: string;
}

export interface Channel {
  name: string;
  color: string;
  minimum: number | null;
  maximum: number | null;
  window_start: number;
  window_end: number;
  emission_nm: number | null;
  excitation_nm: number | null;
}

export interface Level {
  height: number;
  width: number;
}

export interface Image {
  id: number;
  name: string;
  description: string;
  sizes: { t: number; c: number; z: number; y: number; x: number };
  dtype: string;
  is_rgb: boolean;
  channels: Channel[];
  levels: Level[];
  pixel_size_x_um: number | null;
  pixel_size_y_um: number | null;
  pixel_size_z_um: number | null;
  time_step_s: number | null;
  acquired_at: string | null;
  format: string;
  owner_id: number;
  group_id: number;
}

export type Family = 'linear' | 'polynomial' | 'exponential' | 'logarithmic';

export interface ChannelSettings {
  active: boolean;
  color: string;
  start: number;
  end: number;
  family: Family;
  coefficient: number;
  reverse: boolean;
  gamma: number;
  /** The name of a lookup table whose colours take the place of `color`. */
  lut?: string;
}

export interface Settings {
  channels: ChannelSettings[];
  z: number;
  t: number;
  greyscale: boolean;
  is_rgb: boolean;
}

/** How one user keeps an image drawn. */
export interface UserSettings {
  user_id: number;
  user_name: string;
  settings: Settings;
}

export type Method = 'max' | 'mean' | 'sum' | 'min';

/** Many planes made one: those of `axis` from `start` up to, not including, `stop`. */
export interface Projection {
  method: Method;
  axis: 'z' | 't';
  start: number;
  /** null: up to the last plane. */
  stop: number | null;
}

/** How many pixels of a channel lie in each of equally wide bins from `low` to `high`. */
export interface Histogram {
  channel: number;
  low: number;
  high: number;
  counts: number[];
  below: number;
  above: number;
  nan: number;
}

/** How a result was made: what is not known is empty. */
export interface Provenance {
  program: string;
  version: string;
  pipeline: string;
  pipeline_file_id: number | null;
  parameters: Record<string, unknown>;
  image_ids: number[];
  files: string[];
  cell: string;
  /** The SHA-256 of the cell and of what it uses. */
  source?: string;
  /** The key of the run over many images. */
  run?: string;
  made_at: string | null;
  made_by: string;
}

export type ColumnKind = 'bool' | 'integer' | 'float' | 'string' | 'timestamp' | 'array' | 'link';

export interface Column {
  name: string;
  kind: ColumnKind;
  dtype: string;
  unit: string;
  description: string;
  target: string | null;
}

export interface Table {
  id: number;
  name: string;
  description: string;
  rows: number;
  table_version: number;
  columns: Column[];
  provenance: Provenance | null;
}

/** How the rows of a table are cells; what is not known is null or empty. */
export interface Cells {
  image_id: number | null;
  image_column: string;
  label_column: string;
  labels_id: number | null;
  labels_name: string;
}

/** A label image over an image: 0 is background, n is object n. */
export interface Labels {
  id: number;
  name: string;
  image_id: number;
  size_t: number;
  size_z: number;
  maximum: number;
  provenance?: Provenance | null;
}

export type Annotation =
  | { kind: 'tag'; id: number; name: string }
  | { kind: 'key-values'; id: number; namespace: string; pairs: [string, string][] }
  | { kind: 'comment'; id: number; text: string }
  | { kind: 'file'; id: number; name: string; size: number }
  | ({ kind: 'table' } & Table)
  | ({ kind: 'labels' } & Labels);

export interface Attached {
  link_id: number;
  annotation: Annotation;
}

interface OnPlanes {
  t: number | null;
  c: number | null;
  z: number | null;
  t_last?: number | null;
  z_last?: number | null;
  text: string;
  stroke: string;
  fill: string;
}

/** Coordinates are in pixels of level 0, x to the right, y down. */
export type Shape = OnPlanes &
  (
    | { kind: 'rectangle'; x: number; y: number; width: number; height: number }
    | { kind: 'ellipse'; x: number; y: number; radius_x: number; radius_y: number }
    | { kind: 'polygon'; points: [number, number][]; holes?: [number, number][][] }
    | { kind: 'polyline'; points: [number, number][] }
    | { kind: 'line'; x1: number; y1: number; x2: number; y2: number }
    | { kind: 'point'; x: number; y: number }
    | { kind: 'label'; x: number; y: number }
    | { kind: 'mask'; x: number; y: number; width: number; height: number; bits: string }
  );

export interface Roi {
  id: number;
  name: string;
  shapes: Shape[];
}

/** How many regions have their middle in each cell, row by row. */
export interface Density {
  y: number;
  x: number;
  side: number;
  rows: number;
  columns: number;
  counts: number[];
}

/** The regions of a part of a plane: those large enough, and where the others lie. */
export interface RoiView {
  total: number;
  rois: Roi[];
  density: Density | null;
}
