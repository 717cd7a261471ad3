import type { ServerUnaryCall } from '@grpc/grpc-js';
import { ConvoyError } from '../convoy/errors.ts';
import { nodeKey } from '../convoy/ids.ts';
import { FORWARDED, NODE_METADATA } from './api.ts';
import type { Connection, Connections } from './connections.ts';
import type { AgentMethods } from './definitions.ts';
import { RefusedCallError } from './errors.ts';
import type { Refusals } from './refusals.ts';

type AnyCall = Pick<ServerUnaryCall<unknown, unknown>, 'getPeer' | 'metadata'>;

/** Asked before every call that an agent serves. */
export interface Gate {
  /** Throws RefusedCallError, counted and logged. */
  check(rpc: string, call: AnyCall): Connection;
}

const AGENT_RPCS: Readonly<Record<keyof AgentMethods, true>> = {
  Attest: true,
  Describe: true,
  Admit: true,
  FindVolume: true,
  ListInventory: true,
};
const SERVED: ReadonlySet<string> = new Set([...FORWARDED, ...Object.keys(AGENT_RPCS)]);

export function openGate(nodeName: string, connections: Pick<Connections, 'find'>, refusals: Refusals): Gate {
  const own = nodeKey(nodeName);
  const check = (rpc: string, call: AnyCall): Connection => {
    const connection = connections.find(call.getPeer());
    if (connection === undefined) throw new ConvoyError('Cancelled', 'the connection was lost before the call began');
    if (rpc !== 'Attest' && !connection.attested)
      throw new RefusedCallError(
        'not_attested',
        'Precondition',
        `${rpc} came before Attest, which must be the first call on every connection`,
      );
    const meant = call.metadata.get(NODE_METADATA).join();
    if (meant !== own)
      throw new RefusedCallError(
        'wrong_node',
        'Unavailable',
        `${rpc} is meant for the node of key ${JSON.stringify(meant.slice(0, 64))}; this is ${nodeName}, key ${own}: its address was given to another node`,
      );
    if (!SERVED.has(rpc))
      throw new RefusedCallError(
        'rpc_not_allowed',
        'NotSupported',
        `${rpc} is not served over the network: permitted are ${[...SERVED].join(', ')}`,
      );
    return connection;
  };
  return {
    check: (rpc, call) => {
      try {
        return check(rpc, call);
      } catch (error) {
        if (error instanceof RefusedCallError)
          refusals.refuse(error.reason, hostOf(call.getPeer()), `a call was refused: ${error.message}`, { method: rpc });
        throw error;
      }
    },
  };
}

/** `192.0.2.1:1234` or `::ffff:192.0.2.1:1234` without the port and the mapping: the port is another one each time. */
export const hostOf = (peer: string): string => peer.replace(/:\d+$/, '').replace(/^::ffff:(?=\d+\.)/, '');
