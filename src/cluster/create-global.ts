import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { formatId, localId } from '../convoy/ids.ts';
import type { CreateVolumeRequest__Output } from '../csi/gen/csi/v1/CreateVolumeRequest.ts';
import type { CreateVolumeResponse } from '../csi/gen/csi/v1/CreateVolumeResponse.ts';
import type { Log } from '../observe/log.ts';
import type { Call } from '../pool/api.ts';
import { type AttemptDeps, attempt } from './attempt.ts';
import type { CreateRequest } from './create-request.ts';
import { findName } from './find-name.ts';
import { GLOBAL } from './router.ts';

/**
 * A name stands for one volume in the whole cluster. The pools of one node see to it among themselves, and the global ones do;
 * between the two kinds it is looked after here: for a class that leads to the other kind between two tries. As far as is
 * remembered: after a restart of ours such a volume is found among the orphans.
 */

/** CreateVolume in a pool of this process. It decides itself whether it is where the topology wants it. */
export async function createGlobal(
  deps: AttemptDeps & { readonly log: Pick<Log, 'warn'> },
  asked: CreateRequest,
  request: CreateVolumeRequest__Output,
  call: Call,
): Promise<CreateVolumeResponse> {
  await refuseIfOnNode(deps, asked, call);
  return attempt(deps, GLOBAL, request, call);
}

async function refuseIfOnNode(
  { router: { agents }, names, log }: AttemptDeps & { readonly log: Pick<Log, 'warn'> },
  { name, pool }: CreateRequest,
  call: Call,
): Promise<void> {
  const key = names.find(name);
  if (key === undefined || key === GLOBAL) return;
  const node = agents.nameOf(key);
  const found = await findName(agents, name, [{ key, name: node, skippable: false }], call, log);
  if (found !== undefined) throw exists(name, `on node ${node}`, pool.config.name);
}

/** The same for a pool on nodes. */
export async function refuseIfGlobal({ router, names }: AttemptDeps, { name, pool }: CreateRequest, call: Call): Promise<void> {
  if (names.find(name) !== GLOBAL) return;
  for (const global of router.globalPools) {
    const volumeId = formatId(global, GLOBAL, localId('volume', name));
    try {
      await router.send(GLOBAL, 'ControllerGetVolume', { volumeId }, call);
    } catch (error) {
      if (isConvoyError(error, 'NotFound')) continue;
      throw error;
    }
    throw exists(name, `in global pool ${global}`, pool.config.name);
  }
  names.forget(name);
}

const exists = (name: string, where: string, asked: string): ConvoyError =>
  new ConvoyError('AlreadyExists', `volume ${JSON.stringify(name)} exists ${where}, asked is pool ${asked}`);
