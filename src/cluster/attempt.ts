import { UnreachableError } from '../channel/errors.ts';
import { isConvoyError } from '../convoy/errors.ts';
import type { CreateVolumeRequest__Output } from '../csi/gen/csi/v1/CreateVolumeRequest.ts';
import type { CreateVolumeResponse } from '../csi/gen/csi/v1/CreateVolumeResponse.ts';
import type { Call } from '../pool/api.ts';
import type { NameMemory } from './name-memory.ts';
import type { Ownership } from './own.ts';
import type { Router } from './router.ts';

export interface AttemptDeps {
  readonly router: Router;
  readonly own: Ownership;
  readonly names: NameMemory;
}

/** Sends a CreateVolume to one node, or to the global pools, and notes whether its retry must ask there again. */
export async function attempt(
  { router, own, names }: AttemptDeps,
  key: string,
  request: CreateVolumeRequest__Output,
  call: Call,
  made: () => void = () => {},
): Promise<CreateVolumeResponse> {
  const { name } = request;
  const before = names.find(name);
  // Before it is sent: whatever comes of it, the retry must ask there.
  names.remember(name, key);
  try {
    const answer = await router.send(key, 'CreateVolume', request, call);
    own.created(key, answer.volume, name);
    made();
    return answer;
  } catch (error) {
    const what = remains(error);
    if (what === 'nothing') names.forget(name);
    else if (what === 'as before') names.restore(name, before);
    throw error;
  }
}

/** What of the volume is there after an error. Where it may be made or still be in the making, its retry goes, and nowhere else. */
function remains(error: unknown): 'nothing' | 'as before' | 'perhaps' {
  if (!isConvoyError(error) || error instanceof UnreachableError) return 'perhaps';
  switch (error.code) {
    case 'NoSpace':
    case 'OutOfRange':
    case 'InvalidArgument':
    case 'NotFound':
    case 'NotSupported':
    case 'Precondition':
    case 'InUse':
    case 'StaleToken':
      return 'nothing';
    // Nothing was sent, or the pool could not be looked into.
    case 'Unavailable':
      return 'as before';
    case 'AlreadyExists':
    case 'Busy':
    case 'Cancelled':
    case 'DataLoss':
    case 'Internal':
      return 'perhaps';
  }
}
