import type { HealthProblem } from '../convoy/contract.ts';
import type { Call, SizeRange } from '../pool/api.ts';
import { mountForAdmin, umountForAdmin } from './admin-mounts.ts';
import type { NodeService, Published, PublishInput, StageInput } from './api.ts';
import type { PublishDeps } from './deps.ts';
import { expand } from './expand.ts';
import { health } from './health.ts';
import { publish } from './publish.ts';
import { published } from './published.ts';
import { stage } from './stage.ts';
import type { VolumeStats } from './stats.ts';
import { stats } from './stats.ts';
import { sweep } from './sweep.ts';
import { unpublish } from './unpublish.ts';
import { unstage } from './unstage.ts';

/** Volumes on this host. Each call is a file of its own; locks are the pool's (`withVolume`). */
export class NodeVolumes implements NodeService {
  readonly #deps: PublishDeps;

  constructor(deps: PublishDeps) {
    this.#deps = deps;
  }

  stage(input: StageInput, call: Call): Promise<void> {
    return stage(this.#deps, input, call);
  }

  unstage(volumeId: string, stagingPath: string, call: Call): Promise<void> {
    return unstage(this.#deps, volumeId, stagingPath, call);
  }

  publish(input: PublishInput, call: Call): Promise<void> {
    return publish(this.#deps, input, call);
  }

  unpublish(volumeId: string, targetPath: string, call: Call): Promise<void> {
    return unpublish(this.#deps, volumeId, targetPath, call);
  }

  stats(volumeId: string, path: string): Promise<VolumeStats> {
    return stats(this.#deps, volumeId, path);
  }

  expand(volumeId: string, path: string, range: SizeRange, call: Call): Promise<bigint> {
    return expand(this.#deps, volumeId, path, range, call);
  }

  health(volumeId: string, path: string | undefined): Promise<readonly HealthProblem[]> {
    return health(this.#deps, volumeId, path);
  }

  mount(volumeId: string, mountPoint: string | undefined, options: { readonly readOnly: boolean }, call: Call): Promise<string> {
    return mountForAdmin(this.#deps, volumeId, mountPoint, options, call);
  }

  umount(volumeId: string, mountPoint: string | undefined, call: Call): Promise<void> {
    return umountForAdmin(this.#deps, volumeId, mountPoint, call);
  }

  published(volumeId: string): Promise<readonly Published[]> {
    return published(this.#deps, volumeId);
  }

  sweep(): Promise<void> {
    return sweep(this.#deps);
  }
}
