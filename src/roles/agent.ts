import { startAgentListener } from '../channel/listener.ts';
import type { AgentConfig, DaemonConfig } from '../config/config.ts';
import { VERSION } from '../config/version.ts';
import { advertised } from '../csi/capabilities.ts';
import { controllerRpcs } from '../csi/controller/index.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Pools } from '../pool/api.ts';
import type { NodeService } from '../publish/api.ts';
import type { Admission } from './admission.ts';
import { observing } from './serve.ts';

/** What role `node` serves to the controller. */
export interface AgentParts {
  readonly config: DaemonConfig;
  readonly agent: AgentConfig;
  readonly pools: Pools;
  readonly node: Pick<NodeService, 'sweep'>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly admission: Admission;
}

const STOP_GRACE_MS = 8000;

/** The Controller service of this node's pools, by mutual TLS. Returns the reasons against being ready; what stops it is put on `made`. */
export async function serveAgent(
  { config, agent, pools, node, log, metrics, admission }: AgentParts,
  made: AsyncDisposableStack,
): Promise<() => readonly string[]> {
  const { driverName } = config;
  const offered = advertised(pools);
  const listener = await startAgentListener({
    ...agent,
    pools,
    version: VERSION,
    admit: async ({ admitted, reason }) => {
      // Beside the answer: there may be much to clear.
      if (await admission.set(admitted, reason))
        void pools
          .takeUpHeld()
          // What is in use here is noted again: the word that this node is gone has taken its notes away.
          .then(() => node.sweep())
          .catch((error: unknown) => log.error({ error }, 'what was held could not be taken up; the next start tries again'));
    },
    controller: controllerRpcs({ pools, driverName, version: VERSION, advertised: offered }),
    advertised: offered,
    ...observing(config, log, metrics),
    refused: (reason) => metrics.agentRefused(reason),
  });
  made.defer(async () => {
    if (!(await listener.stop(STOP_GRACE_MS)))
      log.warn({}, "the controller's calls were still running; the next start takes up what they left");
  });
  log.info({ address: listener.address }, 'the agent listens for the controller');
  return () => [...listener.problems(), ...admission.problems()];
}
