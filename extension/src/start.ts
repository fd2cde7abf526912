/** Whether the panel shows when JupyterLab starts. */
import { PageConfig } from '@jupyterlab/coreutils';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IStateDB } from '@jupyterlab/statedb';

const SHOWN = 'omero-jlab:panel-was-shown';

/** True where the server asks for it, the setting says so, or nobody has seen it yet. */
export async function showsOnStart(
  plugin: string,
  registry: ISettingRegistry | null,
  state: IStateDB | null
): Promise<boolean> {
  if (PageConfig.getOption('omeroJlabShowPanel') === 'true') {
    return true;
  }
  const setting = await registry?.load(plugin).then(
    found => found.get('showOnStart').composite as string,
    () => 'first'
  );
  if (setting === 'always' || setting === 'never') {
    return setting === 'always';
  }
  const before = await state?.fetch(SHOWN);
  await state?.save(SHOWN, true);
  return !before;
}
