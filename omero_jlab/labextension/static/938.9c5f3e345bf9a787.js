"use strict";(self.rspackChunkomero_jlab=self.rspackChunkomero_jlab||[]).push([[938],{475(e,o,r){var a=r(601),t=r.n(a),i=r(314),n=(r.n(i))()(t());n.push([e.id,`/* JupyterLab's colours where there are any, else those of its light theme. */
.jp-OmeroJlab-widget,
.jp-OmeroJlab-panel {
  --oj-back: var(--jp-layout-color1, #fff);
  --oj-raised: var(--jp-layout-color2, #f5f5f5);
  --oj-line: var(--jp-border-color2, #ddd);
  --oj-text: var(--jp-ui-font-color1, #222);
  --oj-faint: var(--jp-ui-font-color2, #666);
  --oj-accent: var(--jp-brand-color1, #1976d2);
  --oj-accent-back: color-mix(in srgb, var(--oj-accent) 16%, transparent);

  box-sizing: border-box;
  color: var(--oj-text);
  background: var(--oj-back);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif);
  font-size: var(--jp-ui-font-size1, 13px);
  line-height: 1.4;
}

.jp-OmeroJlab-widget *,
.jp-OmeroJlab-panel * {
  box-sizing: border-box;
}

.jp-OmeroJlab-widget [hidden],
.jp-OmeroJlab-panel [hidden] {
  display: none !important;
}

.jp-OmeroJlab-widget {
  border: 1px solid var(--oj-line);
  border-radius: 4px;
  overflow: hidden;
}

.jp-OmeroJlab-button,
.jp-OmeroJlab-widget select,
.jp-OmeroJlab-panel select,
.jp-OmeroJlab-field,
.jp-OmeroJlab-widget input[type='number'],
.jp-OmeroJlab-panel input[type='number'] {
  min-width: 0;
  height: 24px;
  padding: 0 6px;
  border: 1px solid var(--oj-line);
  border-radius: 3px;
  color: inherit;
  background: var(--jp-input-background, var(--oj-back));
  font: inherit;
  font-size: var(--jp-ui-font-size0, 11px);
}

.jp-OmeroJlab-button {
  background: var(--oj-raised);
  cursor: pointer;
}

.jp-OmeroJlab-button:hover:enabled {
  border-color: var(--oj-accent);
}

.jp-OmeroJlab-button:disabled {
  opacity: 0.5;
}

.jp-OmeroJlab-icon {
  flex: none;
  width: 16px;
  height: 16px;
  fill: var(--jp-inverse-layout-color3, #616161);
}

.jp-OmeroJlab-title {
  margin: 0 0 6px;
  overflow: hidden;
  font-size: inherit;
  font-weight: 600;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-OmeroJlab-side h4,
.jp-OmeroJlab-metadata h4 {
  margin: 10px 0 4px;
  color: var(--oj-faint);
  font-size: var(--jp-ui-font-size0, 11px);
  font-weight: 600;
  letter-spacing: 0.04em;
  text-transform: uppercase;
}

.jp-OmeroJlab-notice {
  display: flex;
  flex-wrap: wrap;
  gap: 8px;
  align-items: center;
  margin: 6px;
  padding: 6px 8px;
  border-left: 3px solid var(--jp-error-color1, #d32f2f);
  color: var(--oj-text);
  background: var(--oj-raised);
}

.jp-OmeroJlab-empty,
.jp-OmeroJlab-hint {
  margin: 0;
  padding: 4px 8px;
  color: var(--oj-faint);
  list-style: none;
}

/* ---- the image viewer ---- */

.jp-OmeroJlab-viewer {
  display: flex;
  width: 100%;
  height: 100%;
  min-height: 0;
  container-type: inline-size;
}

.jp-OmeroJlab-stage {
  display: flex;
  flex: 1;
  flex-direction: column;
  min-width: 0;
}

.jp-OmeroJlab-map-frame {
  position: relative;
  flex: 1;
  min-height: 0;
  background: #000;
}

.jp-OmeroJlab-map {
  position: absolute;
  inset: 0;
  outline: none;
  cursor: crosshair;
}

.jp-OmeroJlab-map:focus-visible {
  box-shadow: inset 0 0 0 2px var(--oj-accent);
}

.jp-OmeroJlab-map-buttons {
  position: absolute;
  top: 8px;
  left: 8px;
  display: flex;
  flex-direction: column;
  gap: 2px;
}

.jp-OmeroJlab-map-button {
  width: 26px;
  height: 26px;
  padding: 0;
  border: 0;
  border-radius: 3px;
  color: #fff;
  background: rgb(40 40 40 / 75%);
  font-size: 14px;
  cursor: pointer;
}

.jp-OmeroJlab-map-button:last-child {
  font-size: 10px;
}

.jp-OmeroJlab-map-button:hover {
  background: rgb(90 90 90 / 90%);
}

.jp-OmeroJlab-scale-bar {
  position: absolute;
  right: 10px;
  bottom: 10px;
  border-bottom: 3px solid #fff;
  color: #fff;
  font-size: 11px;
  text-align: center;
  text-shadow: 0 0 3px #000, 0 0 2px #000;
  pointer-events: none;
}

.jp-OmeroJlab-readout {
  position: absolute;
  bottom: 6px;
  left: 8px;
  max-width: calc(100% - 180px);
  padding: 1px 6px;
  border-radius: 3px;
  color: #fff;
  background: rgb(0 0 0 / 65%);
  font-size: 11px;
  font-variant-numeric: tabular-nums;
  pointer-events: none;
}

.jp-OmeroJlab-overview {
  position: absolute;
  top: 8px;
  right: 8px;
  overflow: hidden;
  border: 1px solid rgb(255 255 255 / 50%);
  background: #000;
  cursor: move;
  touch-action: none;
}

.jp-OmeroJlab-overview img {
  display: block;
  width: 100%;
  height: 100%;
  margin: 0;
}

.jp-OmeroJlab-overview-frame {
  position: absolute;
  min-width: 4px;
  min-height: 4px;
  border: 1px solid #ffd54f;
  box-shadow: 0 0 0 200px rgb(0 0 0 / 40%);
}

.jp-OmeroJlab-message {
  position: absolute;
  right: 0;
  bottom: 34px;
  left: 0;
  display: flex;
  justify-content: center;
}

.jp-OmeroJlab-viewer > .jp-OmeroJlab-message {
  position: static;
  padding: 12px;
}

.jp-OmeroJlab-axis {
  display: flex;
  gap: 8px;
  align-items: center;
  padding: 3px 8px;
  border-top: 1px solid var(--oj-line);
}

.jp-OmeroJlab-axis input {
  flex: 1;
  min-width: 0;
  accent-color: var(--oj-accent);
}

.jp-OmeroJlab-axis-name {
  font-weight: 600;
}

.jp-OmeroJlab-axis-text {
  min-width: 64px;
  color: var(--oj-faint);
  font-size: 11px;
  font-variant-numeric: tabular-nums;
  text-align: right;
}

.jp-OmeroJlab-side {
  flex: none;
  width: 216px;
  padding: 8px 10px;
  overflow: hidden auto;
  border-left: 1px solid var(--oj-line);
  background: var(--oj-back);
}

.jp-OmeroJlab-channel {
  display: grid;
  grid-template-columns: 1fr 24px;
  gap: 2px 6px;
  align-items: center;
  padding: 5px 0;
  border-bottom: 1px solid var(--oj-line);
}

.jp-OmeroJlab-channel[data-off] .jp-OmeroJlab-window,
.jp-OmeroJlab-channel[data-off] .jp-OmeroJlab-curve {
  opacity: 0.45;
}

.jp-OmeroJlab-channel-head {
  display: flex;
  gap: 6px;
  align-items: center;
  min-width: 0;
  margin: 0;
  cursor: pointer;
}

.jp-OmeroJlab-channel-head input {
  flex: none;
  margin: 0;
  accent-color: var(--oj-accent);
}

.jp-OmeroJlab-channel-name {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-OmeroJlab-color {
  width: 24px;
  height: 18px;
  padding: 0;
  border: 1px solid var(--oj-line);
  border-radius: 3px;
  background: none;
  cursor: pointer;
}

.jp-OmeroJlab-color::-webkit-color-swatch-wrapper {
  padding: 0;
}

.jp-OmeroJlab-color::-webkit-color-swatch {
  border: 0;
  border-radius: 2px;
}

.jp-OmeroJlab-window {
  display: grid;
  grid-column: 1 / -1;
  grid-template-columns: 1fr 1fr;
  gap: 3px 24px;
}

.jp-OmeroJlab-window input[type='number'] {
  width: 100%;
  height: 20px;
}

.jp-OmeroJlab-window input[type='number']:last-child {
  text-align: right;
}

/* The handles' middles run from 5 px to 5 px before the end: so do the bar and the histogram. */
.jp-OmeroJlab-range {
  position: relative;
  grid-column: 1 / -1;
  height: 18px;
}

.jp-OmeroJlab-range::before {
  position: absolute;
  right: 5px;
  bottom: 7px;
  left: 5px;
  height: 4px;
  border: 1px solid var(--oj-line);
  border-radius: 2px;
  background: linear-gradient(
    to right,
    #000 var(--jp-OmeroJlab-from, 0%),
    var(--jp-OmeroJlab-channel, #fff) var(--jp-OmeroJlab-to, 100%)
  );
  content: '';
}

.jp-OmeroJlab-range:has(.jp-OmeroJlab-histogram) {
  height: 58px;
}

.jp-OmeroJlab-range:has(.jp-OmeroJlab-histogram)::before {
  bottom: 2px;
}

.jp-OmeroJlab-histogram {
  position: absolute;
  bottom: 7px;
  left: 5px;
  width: calc(100% - 10px);
  height: 48px;
  border-bottom: 1px solid var(--oj-line);
  overflow: hidden;
  background: linear-gradient(
    to right,
    transparent var(--jp-OmeroJlab-from, 0%),
    var(--oj-accent-back) var(--jp-OmeroJlab-from, 0%) var(--jp-OmeroJlab-to, 100%),
    transparent var(--jp-OmeroJlab-to, 100%)
  );
}

.jp-OmeroJlab-histogram path {
  fill: var(--oj-faint);
}

.jp-OmeroJlab-range input {
  position: absolute;
  inset: 0;
  width: 100%;
  height: 100%;
  margin: 0;
  appearance: none;
  background: none;
  pointer-events: none;
}

.jp-OmeroJlab-range input::-webkit-slider-runnable-track {
  height: 100%;
}

.jp-OmeroJlab-range input::-webkit-slider-thumb {
  width: 10px;
  height: 100%;
  border: 0;
  appearance: none;
  background:
    linear-gradient(#fff, #fff) center bottom 1px / 8px 12px no-repeat,
    linear-gradient(#616161, #616161) center bottom / 10px 14px no-repeat,
    linear-gradient(var(--oj-accent), var(--oj-accent)) center / 2px 100% no-repeat;
  cursor: ew-resize;
  pointer-events: auto;
}

.jp-OmeroJlab-range input::-moz-range-thumb {
  width: 10px;
  height: 100%;
  border: 0;
  background:
    linear-gradient(#fff, #fff) center bottom 1px / 8px 12px no-repeat,
    linear-gradient(#616161, #616161) center bottom / 10px 14px no-repeat,
    linear-gradient(var(--oj-accent), var(--oj-accent)) center / 2px 100% no-repeat;
  cursor: ew-resize;
  pointer-events: auto;
}

.jp-OmeroJlab-range input:focus-visible::-webkit-slider-thumb {
  outline: 2px solid var(--oj-accent);
}

.jp-OmeroJlab-curve {
  grid-column: 1 / -1;
  color: var(--oj-faint);
  font-size: 11px;
}

.jp-OmeroJlab-curve summary {
  cursor: pointer;
}

.jp-OmeroJlab-curve-fields {
  display: grid;
  grid-template-columns: 1fr 1fr;
  gap: 4px 8px;
  align-items: center;
  padding: 3px 0;
}

.jp-OmeroJlab-curve-fields label {
  display: flex;
  gap: 4px;
  align-items: center;
}

.jp-OmeroJlab-curve-fields input[type='number'] {
  width: 56px;
  height: 20px;
}

.jp-OmeroJlab-channel-options {
  display: flex;
  flex-wrap: wrap;
  gap: 2px 12px;
  padding-bottom: 4px;
  color: var(--oj-faint);
  font-size: var(--jp-ui-font-size0, 11px);
}

.jp-OmeroJlab-button-row {
  position: relative;
  display: flex;
  flex-wrap: wrap;
  gap: 4px;
  padding: 8px 0 2px;
}

.jp-OmeroJlab-menu summary {
  display: flex;
  align-items: center;
  list-style: none;
}

.jp-OmeroJlab-menu summary::after {
  margin-left: 4px;
  content: '▾';
}

.jp-OmeroJlab-menu-list {
  position: absolute;
  z-index: 3;
  right: 0;
  left: 0;
  margin-top: 2px;
  padding: 4px 0;
  border: 1px solid var(--oj-line);
  border-radius: 3px;
  background: var(--oj-back);
  box-shadow: 0 2px 8px rgb(0 0 0 / 30%);
}

.jp-OmeroJlab-menu-entry {
  display: block;
  width: 100%;
  padding: 3px 8px;
  border: 0;
  color: inherit;
  background: none;
  font: inherit;
  font-size: var(--jp-ui-font-size0, 11px);
  text-align: left;
  overflow-wrap: anywhere;
  cursor: pointer;
}

.jp-OmeroJlab-menu-entry:hover,
.jp-OmeroJlab-menu-entry:focus-visible {
  background: var(--oj-accent-back);
}

.jp-OmeroJlab-projection > select {
  width: 100%;
}

.jp-OmeroJlab-projection-range {
  display: flex;
  gap: 4px;
  align-items: center;
  padding-top: 4px;
}

.jp-OmeroJlab-projection-range input {
  flex: 1;
}

.jp-OmeroJlab-label-row {
  padding: 2px 0;
}

.jp-OmeroJlab-label-row input[type='range'] {
  width: 100%;
  margin: 2px 0;
  accent-color: var(--oj-accent);
}

@container (max-width: 520px) {
  .jp-OmeroJlab-side {
    width: 150px;
    padding: 6px;
  }
}

/* ---- the browser of the repository ---- */

.jp-OmeroJlab-browser {
  display: flex;
  flex-direction: column;
  width: 100%;
  height: 100%;
  min-height: 0;
  container-type: size;
}

.jp-OmeroJlab-toolbar {
  display: flex;
  flex: none;
  gap: 6px;
  align-items: center;
  padding: 5px 8px;
  border-bottom: 1px solid var(--oj-line);
}

.jp-OmeroJlab-group {
  flex: 0 1 130px;
}

.jp-OmeroJlab-field {
  flex: 1 1 60px;
}

.jp-OmeroJlab-icon-button {
  flex: none;
  width: 24px;
  padding: 0;
}

.jp-OmeroJlab-place {
  flex: 1 1 60px;
  overflow: hidden;
  font-weight: 600;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-OmeroJlab-status {
  flex: none;
  color: var(--oj-faint);
  font-size: 11px;
}

.jp-OmeroJlab-panes {
  display: grid;
  flex: 1;
  grid-template-columns: minmax(160px, 26%) 1fr auto;
  min-height: 0;
}

.jp-OmeroJlab-pane {
  display: flex;
  flex-direction: column;
  min-width: 0;
  min-height: 0;
}

.jp-OmeroJlab-tree-pane {
  overflow: auto;
  border-right: 1px solid var(--oj-line);
}

.jp-OmeroJlab-tree {
  flex: 1;
  padding: 4px 0;
  outline: none;
}

.jp-OmeroJlab-branch {
  margin: 0;
  padding: 0;
  list-style: none;
}

.jp-OmeroJlab-branch .jp-OmeroJlab-branch {
  padding-left: 14px;
}

.jp-OmeroJlab-line {
  display: flex;
  gap: 4px;
  align-items: center;
  height: 24px;
  padding: 0 8px 0 2px;
  cursor: pointer;
}

.jp-OmeroJlab-line:hover {
  background: var(--oj-raised);
}

.jp-OmeroJlab-item[aria-selected='true'] > .jp-OmeroJlab-line {
  background: var(--oj-accent-back);
  box-shadow: inset 3px 0 0 var(--oj-accent);
}

.jp-OmeroJlab-twisty {
  flex: none;
  width: 14px;
  color: var(--oj-faint);
  text-align: center;
}

.jp-OmeroJlab-name {
  flex: 1;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-OmeroJlab-count {
  flex: none;
  color: var(--oj-faint);
  font-size: 11px;
}

.jp-OmeroJlab-grid {
  display: grid;
  flex: 1;
  grid-template-columns: repeat(auto-fill, minmax(96px, 1fr));
  gap: 6px;
  align-content: start;
  min-height: 0;
  padding: 8px;
  overflow: auto;
  outline: none;
}

.jp-OmeroJlab-grid > p,
.jp-OmeroJlab-more,
.jp-OmeroJlab-grid > .jp-OmeroJlab-notice {
  grid-column: 1 / -1;
}

.jp-OmeroJlab-card {
  min-width: 0;
  padding: 4px;
  border: 1px solid transparent;
  border-radius: 4px;
  cursor: pointer;
  user-select: none;
  content-visibility: auto;
  contain-intrinsic-size: auto 96px auto 120px;
}

.jp-OmeroJlab-card:hover {
  background: var(--oj-raised);
}

.jp-OmeroJlab-card[aria-selected='true'] {
  border-color: var(--oj-accent);
  background: var(--oj-accent-back);
}

.jp-OmeroJlab-picture {
  display: flex;
  align-items: center;
  justify-content: center;
  aspect-ratio: 1;
  border-radius: 3px;
  background: var(--oj-raised);
}

.jp-OmeroJlab-card[data-kind='image'] .jp-OmeroJlab-picture {
  background: #000;
}

.jp-OmeroJlab-picture img {
  max-width: 100%;
  max-height: 100%;
  margin: 0;
  border-radius: 3px;
}

.jp-OmeroJlab-picture .jp-OmeroJlab-icon {
  width: 32px;
  height: 32px;
}

.jp-OmeroJlab-caption,
.jp-OmeroJlab-detail {
  overflow: hidden;
  font-size: 11px;
  text-align: center;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-OmeroJlab-detail {
  color: var(--oj-faint);
}

.jp-OmeroJlab-metadata {
  width: 220px;
  padding: 8px 10px;
  overflow: auto;
  border-left: 1px solid var(--oj-line);
}

.jp-OmeroJlab-facts {
  display: grid;
  grid-template-columns: auto 1fr;
  gap: 1px 10px;
  margin: 0 0 6px;
  font-size: 12px;
}

.jp-OmeroJlab-fact-name {
  color: var(--oj-faint);
}

.jp-OmeroJlab-fact {
  overflow-wrap: anywhere;
}

.jp-OmeroJlab-chips {
  display: flex;
  flex-wrap: wrap;
  gap: 4px;
}

.jp-OmeroJlab-chip {
  display: inline-flex;
  gap: 4px;
  align-items: center;
  padding: 0 7px;
  border: 1px solid var(--oj-line);
  border-radius: 10px;
  font-size: 11px;
}

.jp-OmeroJlab-tag {
  border-color: transparent;
  background: var(--oj-accent-back);
}

.jp-OmeroJlab-swatch {
  width: 9px;
  height: 9px;
  border: 1px solid var(--oj-line);
  border-radius: 50%;
}

.jp-OmeroJlab-metadata blockquote {
  margin: 0 0 4px;
  padding-left: 8px;
  border-left: 2px solid var(--oj-line);
  overflow-wrap: anywhere;
}

.jp-OmeroJlab-fact-line {
  display: flex;
  flex-wrap: wrap;
  gap: 0 8px;
  justify-content: space-between;
  font-size: 12px;
  overflow-wrap: anywhere;
}

.jp-OmeroJlab-link {
  padding: 0;
  border: 0;
  color: var(--jp-content-link-color, var(--oj-accent));
  background: none;
  font: inherit;
  text-align: left;
  overflow-wrap: anywhere;
  cursor: pointer;
}

.jp-OmeroJlab-link:hover {
  text-decoration: underline;
}

.jp-OmeroJlab-provenance {
  flex-basis: 100%;
  min-width: 0;
  margin-bottom: 3px;
  color: var(--oj-faint);
  font-size: 11px;
}

.jp-OmeroJlab-provenance summary {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
  cursor: pointer;
}

.jp-OmeroJlab-provenance .jp-OmeroJlab-facts {
  margin: 2px 0 6px;
  padding-left: 8px;
  border-left: 2px solid var(--oj-line);
  font-size: 11px;
}

.jp-OmeroJlab-provenance .jp-OmeroJlab-fact {
  color: var(--oj-text);
  white-space: pre-wrap;
}

.jp-OmeroJlab-health {
  flex: none;
  padding: 4px 8px;
  border-left: 3px solid var(--jp-warn-color1, #ef6c00);
  background: color-mix(in srgb, var(--jp-warn-color1, #ef6c00) 14%, transparent);
  font-size: 12px;
}

.jp-OmeroJlab-health.jp-mod-quiet {
  border-left-color: var(--jp-border-color1, #bdbdbd);
  background: transparent;
  color: var(--jp-ui-font-color2, #616161);
}

.jp-OmeroJlab-about {
  flex: none;
  padding: 6px 8px;
  border-bottom: 1px solid var(--oj-line);
  color: var(--oj-faint);
  background: var(--oj-raised);
  font-size: 12px;
}

.jp-OmeroJlab-newcomer {
  grid-column: 1 / -1;
  color: var(--oj-faint);
}

.jp-OmeroJlab-newcomer p {
  margin: 0 0 8px;
}

.jp-OmeroJlab-newcomer pre {
  margin: 0 0 6px;
  padding: 8px;
  border: 1px solid var(--oj-line);
  border-radius: 3px;
  overflow-x: auto;
  color: var(--oj-text);
  background: var(--oj-raised);
  font-family: var(--jp-code-font-family, monospace);
  font-size: 11px;
  white-space: pre-wrap;
  user-select: text;
}

.jp-OmeroJlab-newcomer button {
  margin-bottom: 8px;
}

.jp-OmeroJlab-tree:focus-visible,
.jp-OmeroJlab-grid:focus-visible {
  box-shadow: inset 0 0 0 1px var(--oj-accent);
}

.jp-OmeroJlab-opened {
  position: relative;
  border-top: 1px solid var(--oj-line);
}

.jp-OmeroJlab-close {
  position: absolute;
  z-index: 2;
  right: 8px;
  bottom: 8px;
}

/* In a side panel the panes lie one below the other. */
@container (max-width: 480px) {
  .jp-OmeroJlab-toolbar {
    flex-wrap: wrap;
  }

  .jp-OmeroJlab-group {
    flex-basis: 100%;
  }

  .jp-OmeroJlab-panes {
    grid-template-rows: minmax(90px, 28%) 1fr auto;
    grid-template-columns: 1fr;
  }

  .jp-OmeroJlab-tree-pane {
    border-right: 0;
    border-bottom: 1px solid var(--oj-line);
  }

  .jp-OmeroJlab-metadata {
    width: auto;
    max-height: 30cqh;
    border-top: 1px solid var(--oj-line);
    border-left: 0;
  }
}

/* ---- the panel in JupyterLab ---- */

.jp-OmeroJlab-panel {
  display: flex;
  min-width: 200px;
  height: 100%;
}
`,""]),r.d(o,{},{A:n})},938(e,o,r){var a=r(601),t=r.n(a),i=r(314),n=(r.n(i))()(t());n.push([e.id,`/* ---- the rows of a table ---- */

.jp-OmeroJlab-table-view {
  display: flex;
  flex: 1;
  flex-direction: column;
  width: 100%;
  height: 100%;
  min-width: 0;
  min-height: 0;
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-toolbar {
  flex-wrap: wrap;
}

.jp-OmeroJlab-table-condition {
  flex: 3 1 180px;
  font-family: var(--jp-code-font-family, monospace);
}

.jp-OmeroJlab-table-condition[aria-invalid='true'] {
  border-color: var(--jp-error-color1, #d32f2f);
}

.jp-OmeroJlab-table-error {
  padding: 3px 8px;
  border-left: 3px solid var(--jp-error-color1, #d32f2f);
  background: var(--oj-raised);
  font-size: 12px;
  overflow-wrap: anywhere;
}

.jp-OmeroJlab-table-message:not(:empty) {
  padding: 6px 8px;
  color: var(--oj-faint);
}

.jp-OmeroJlab-table-scroll {
  flex: 1;
  min-height: 0;
  overflow: auto;
}

[aria-busy] > .jp-OmeroJlab-table-scroll {
  opacity: 0.6;
}

/* JupyterLab styles every table of an output: each property is said here. */
.jp-OmeroJlab-table-view .jp-OmeroJlab-table {
  margin: 0;
  border: 0;
  border-collapse: separate;
  border-spacing: 0;
  font-size: 12px;
  font-variant-numeric: tabular-nums;
  table-layout: auto;
  white-space: nowrap;
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table tr {
  background: var(--oj-back);
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table th,
.jp-OmeroJlab-table-view .jp-OmeroJlab-table td {
  max-width: 260px;
  padding: 2px 8px;
  border: 0;
  border-bottom: 1px solid var(--oj-line);
  overflow: hidden;
  font-weight: normal;
  text-align: left;
  text-overflow: ellipsis;
  vertical-align: middle;
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table .jp-OmeroJlab-table-number {
  text-align: right;
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table thead th {
  position: sticky;
  z-index: 1;
  top: 0;
  padding: 0;
  border-right: 1px solid var(--oj-line);
  background: var(--oj-raised);
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table .jp-OmeroJlab-table-row-id {
  position: sticky;
  left: 0;
  padding: 2px 8px;
  border-right: 1px solid var(--oj-line);
  color: var(--oj-faint);
  background: var(--oj-raised);
  text-align: right;
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table thead .jp-OmeroJlab-table-row-id {
  z-index: 2;
}

.jp-OmeroJlab-table-sort {
  display: block;
  width: 100%;
  padding: 3px 8px;
  border: 0;
  overflow: hidden;
  color: inherit;
  background: none;
  font: inherit;
  text-align: inherit;
  text-overflow: ellipsis;
}

button.jp-OmeroJlab-table-sort {
  cursor: pointer;
}

button.jp-OmeroJlab-table-sort:hover {
  background: var(--oj-accent-back);
}

.jp-OmeroJlab-table-name {
  font-weight: 600;
}

.jp-OmeroJlab-table-unit {
  display: block;
  color: var(--oj-faint);
  font-size: 10px;
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table tbody tr {
  cursor: pointer;
  outline: none;
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table tbody tr:hover td {
  background: var(--oj-raised);
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table tbody tr[aria-selected='true'] td {
  background: var(--oj-accent-back);
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table tbody tr[aria-selected='true'] th {
  box-shadow: inset 3px 0 0 var(--oj-accent);
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table tbody tr:focus-visible td {
  border-bottom-color: var(--oj-accent);
  box-shadow: inset 0 1px 0 var(--oj-accent);
}

.jp-OmeroJlab-table-view .jp-OmeroJlab-table-none {
  color: var(--oj-faint);
}

.jp-OmeroJlab-table-pager {
  border-top: 1px solid var(--oj-line);
  border-bottom: 0;
}

.jp-OmeroJlab-table-page {
  width: 56px;
}

.jp-OmeroJlab-table-range {
  flex: 1;
  margin-left: 6px;
}

.jp-OmeroJlab-table-files {
  display: flex;
  gap: 4px;
  align-items: center;
  color: var(--oj-faint);
}
`,""]),r.d(o,{},{A:n})},314(e){e.exports=function(e){var o=[];return o.toString=function(){return this.map(function(o){var r="",a=void 0!==o[5];return o[4]&&(r+="@supports (".concat(o[4],") {")),o[2]&&(r+="@media ".concat(o[2]," {")),a&&(r+="@layer".concat(o[5].length>0?" ".concat(o[5]):""," {")),r+=e(o),a&&(r+="}"),o[2]&&(r+="}"),o[4]&&(r+="}"),r}).join("")},o.i=function(e,r,a,t,i){"string"==typeof e&&(e=[[null,e,void 0]]);var n={};if(a)for(var p=0;p<this.length;p++){var l=this[p][0];null!=l&&(n[l]=!0)}for(var d=0;d<e.length;d++){var b=[].concat(e[d]);a&&n[b[0]]||(void 0!==i&&(void 0===b[5]||(b[1]="@layer".concat(b[5].length>0?" ".concat(b[5]):""," {").concat(b[1],"}")),b[5]=i),r&&(b[2]&&(b[1]="@media ".concat(b[2]," {").concat(b[1],"}")),b[2]=r),t&&(b[4]?(b[1]="@supports (".concat(b[4],") {").concat(b[1],"}"),b[4]=t):b[4]="".concat(t)),o.push(b))}},o}},601(e){e.exports=function(e){return e[1]}},72(e){var o=[];function r(e){for(var r=-1,a=0;a<o.length;a++)if(o[a].identifier===e){r=a;break}return r}function a(e,a){for(var t={},i=[],n=0;n<e.length;n++){var p=e[n],l=a.base?p[0]+a.base:p[0],d=t[l]||0,b="".concat(l," ").concat(d);t[l]=d+1;var s=r(b),c={css:p[1],media:p[2],sourceMap:p[3],supports:p[4],layer:p[5]};if(-1!==s)o[s].references++,o[s].updater(c);else{var m=function(e,o){var r=o.domAPI(o);return r.update(e),function(o){o?(o.css!==e.css||o.media!==e.media||o.sourceMap!==e.sourceMap||o.supports!==e.supports||o.layer!==e.layer)&&r.update(e=o):r.remove()}}(c,a);a.byIndex=n,o.splice(n,0,{identifier:b,updater:m,references:1})}i.push(b)}return i}e.exports=function(e,t){var i=a(e=e||[],t=t||{});return function(e){e=e||[];for(var n=0;n<i.length;n++){var p=r(i[n]);o[p].references--}for(var l=a(e,t),d=0;d<i.length;d++){var b=r(i[d]);0===o[b].references&&(o[b].updater(),o.splice(b,1))}i=l}}},659(e){var o={};e.exports=function(e,r){var a=function(e){if(void 0===o[e]){var r=document.querySelector(e);if(window.HTMLIFrameElement&&r instanceof window.HTMLIFrameElement)try{r=r.contentDocument.head}catch(e){r=null}o[e]=r}return o[e]}(e);if(!a)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");a.appendChild(r)}},540(e){e.exports=function(e){var o=document.createElement("style");return e.setAttributes(o,e.attributes),e.insert(o,e.options),o}},56(e,o,r){e.exports=function(e){var o=r.nc;o&&e.setAttribute("nonce",o)}},825(e){e.exports=function(e){if("u"<typeof document)return{update:function(){},remove:function(){}};var o=e.insertStyleElement(e);return{update:function(r){var a,t,i;a="",r.supports&&(a+="@supports (".concat(r.supports,") {")),r.media&&(a+="@media ".concat(r.media," {")),(t=void 0!==r.layer)&&(a+="@layer".concat(r.layer.length>0?" ".concat(r.layer):""," {")),a+=r.css,t&&(a+="}"),r.media&&(a+="}"),r.supports&&(a+="}"),(i=r.sourceMap)&&"u">typeof btoa&&(a+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(i))))," */")),e.styleTagTransform(a,o,e.options)},remove:function(){var e;null===(e=o).parentNode||e.parentNode.removeChild(e)}}}},113(e){e.exports=function(e,o){if(o.styleSheet)o.styleSheet.cssText=e;else{for(;o.firstChild;)o.removeChild(o.firstChild);o.appendChild(document.createTextNode(e))}}},569(e,o,r){var a=r(72),t=r.n(a),i=r(825),n=r.n(i),p=r(659),l=r.n(p),d=r(56),b=r.n(d),s=r(540),c=r.n(s),m=r(113),x=r.n(m),j=r(475),f={};f.styleTagTransform=x(),f.setAttributes=b(),f.insert=l().bind(null,"head"),f.domAPI=n(),f.insertStyleElement=c(),t()(j.A,f),j.A&&j.A.locals&&j.A.locals;var u=r(938),g={};g.styleTagTransform=x(),g.setAttributes=b(),g.insert=l().bind(null,"head"),g.domAPI=n(),g.insertStyleElement=c(),t()(u.A,g),u.A&&u.A.locals&&u.A.locals}}]);