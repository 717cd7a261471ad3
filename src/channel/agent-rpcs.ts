import { readFile } from 'node:fs/promises';
import { ConvoyError, invalid, isConvoyError } from '../convoy/errors.ts';
import { checkName, nodeKey } from '../convoy/ids.ts';
import { parsePage } from '../csi/paging.ts';
import type { Pools, Volume } from '../pool/api.ts';
import type { AgentMethods } from './definitions.ts';
import type { InventoryVolume } from './gen/convoy/agent/v0/InventoryVolume.ts';

/** What the agent service is made of. */
export interface AgentUseCases {
  readonly pools: Pick<Pools, 'nodeName' | 'states' | 'findVolume' | 'listVolumes'>;
  readonly version: string;
  /** Projected service-account token, read for each `Attest`: the kubelet renews it. Undefined outside Kubernetes. */
  readonly tokenFile: string | undefined;
  /** Keeps the controller's word on whether the node is one of the cluster's. */
  readonly admit: (word: { readonly admitted: boolean; readonly reason: string }) => Promise<void>;
}

export type AgentRpcs = {
  readonly [Name in keyof AgentMethods]: (request: AgentMethods[Name]['received']) => Promise<AgentMethods[Name]['response']>;
};

export function agentRpcs({ pools, version, tokenFile, admit }: AgentUseCases): AgentRpcs {
  const { nodeName } = pools;
  return {
    Attest: async () => ({ token: tokenFile === undefined ? '' : await readToken(tokenFile), nodeName }),
    Describe: async () => ({
      version,
      nodeName,
      nodeKey: nodeKey(nodeName),
      pools: pools.states().map(({ config, state }) => ({
        name: config.name,
        driver: config.driver,
        open: state.kind === 'open',
        reason: state.kind === 'open' ? '' : state.reason,
      })),
    }),
    Admit: async ({ admitted, reason }) => {
      if (!admitted && reason === '') throw invalid('reason is required when a node is not admitted');
      await admit({ admitted, reason });
      return {};
    },
    FindVolume: async ({ name }) => findVolume(pools, checkName('name', name)),
    ListInventory: async (request) => {
      const { entries, nextToken } = await pools.listVolumes(parsePage(request));
      // What is reachable from everywhere is the controller's own to list.
      return { volumes: entries.filter(({ node }) => node !== undefined).map(inventoryVolume), nextToken };
    },
  };
}

async function readToken(path: string): Promise<string> {
  const token = await readFile(path, 'utf8').catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConvoyError('Unavailable', `this agent's token cannot be read (${reason}): mount a projected service-account token there`, {
      cause,
    });
  });
  if (token.trim() === '') throw new ConvoyError('Unavailable', `this agent's token ${path} is empty: the kubelet has not written it yet`);
  return token.trim();
}

/** Pool by pool, so that one that is not open is told: nothing is known of what is in it. */
async function findVolume(pools: AgentUseCases['pools'], name: string): Promise<AgentMethods['FindVolume']['response']> {
  const closedPools: string[] = [];
  for (const { config } of pools.states()) {
    try {
      const volume = await pools.findVolume(name, config.name);
      if (volume !== undefined) return { found: true, volumeId: volume.id, closedPools: [] };
    } catch (error) {
      if (!isConvoyError(error, 'Unavailable')) throw error;
      closedPools.push(config.name);
    }
  }
  return { found: false, closedPools };
}

const inventoryVolume = ({ id, name, pool, sizeBytes, createdAt }: Volume): InventoryVolume => ({
  volumeId: id,
  name,
  pool,
  sizeBytes: sizeBytes.toString(),
  createdAt: timestamp(createdAt),
});

function timestamp(date: Date): { seconds: string; nanos: number } {
  const milliseconds = date.getTime();
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: String(seconds), nanos: (milliseconds - seconds * 1000) * 1_000_000 };
}
