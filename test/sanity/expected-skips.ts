/**
 * Specs that skip themselves because a capability is absent, and why it is. csi-sanity decides by what the driver
 * advertises; no spec is left out by a flag of ours. A spec that skips and is not listed here fails the run.
 */
export const EXPECTED_SKIPS: readonly { readonly title: RegExp; readonly reason: string; readonly onlyGlobal?: true }[] = [
  {
    title: / › (ControllerPublishVolume|ControllerUnpublishVolume|volume lifecycle) › /,
    reason: 'no PUBLISH_UNPUBLISH_VOLUME: no driver attaches',
  },
  { title: /^ModifyVolume \[Controller Server\] › /, reason: 'no MODIFY_VOLUME: no driver has mutable parameters' },
  { title: /volume attribute class/, reason: 'no MODIFY_VOLUME: no driver has mutable parameters' },
  {
    title: /creating a snapshot with accessibility requirements/,
    reason: 'no SNAPSHOT_ACCESSIBILITY_CONSTRAINTS: a global pool is reached from everywhere',
    onlyGlobal: true,
  },
  { title: /^GroupController/, reason: 'no GROUP_CONTROLLER_SERVICE: no driver cuts several volumes at one instant' },
  { title: /› ListVolumes › pagination should detect volumes added between pages/, reason: 'disabled in csi-test itself (XIt)' },
];
