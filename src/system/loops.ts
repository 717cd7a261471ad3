import type { AttachedLoop, LoopDevice, LoopDevices } from './api.ts';
import { LO_FLAGS_AUTOCLEAR, LO_FLAGS_DIRECT_IO, LO_FLAGS_READ_ONLY, LOOP_MAJOR } from './constants.ts';
import type { SyscallClient } from './syscall-client.ts';
import type { LoopState } from './syscall-protocol.ts';

export function openLoopDevices(client: SyscallClient): LoopDevices {
  const held = ({ fd, ...state }: LoopState & { readonly fd: number }): AttachedLoop => {
    let open = true;
    const close = async (): Promise<void> => {
      // Cleared before the call: a descriptor's number is given to somebody else as soon as it is closed.
      if (!open) return;
      open = false;
      await client.call('closeFd', { fd });
    };
    return { ...toDevice(state), close };
  };
  return {
    attach: async (backing, { readOnly, autoclear }) => {
      const state = await client.call('attachLoop', { backing, readOnly, autoclear });
      return { ...held(state), directIo: (state.flags & LO_FLAGS_DIRECT_IO) !== 0 };
    },
    findByBacking: async (backing) => (await client.call('findLoops', { backing })).map(toDevice),
    hold: async (device) => held(await client.call('holdLoop', { device })),
    refreshSize: async (device) => await client.call('refreshLoop', { device }),
    detach: async (device, backing) => await client.call('detachLoop', { device, backing }),
  };
}

function toDevice({ number, flags, sizeBytes }: LoopState): LoopDevice {
  return {
    path: `/dev/loop${number}`,
    device: `${LOOP_MAJOR}:${number}`,
    readOnly: (flags & LO_FLAGS_READ_ONLY) !== 0,
    autoclear: (flags & LO_FLAGS_AUTOCLEAR) !== 0,
    sizeBytes,
  };
}
