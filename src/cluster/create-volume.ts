import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import type { CreateVolumeRequest__Output } from '../csi/gen/csi/v1/CreateVolumeRequest.ts';
import type { CreateVolumeResponse } from '../csi/gen/csi/v1/CreateVolumeResponse.ts';
import type { Rpc } from '../csi/rpc.ts';
import { topologyOf } from '../csi/topology.ts';
import type { Log } from '../observe/log.ts';
import type { Call } from '../pool/api.ts';
import type { Agents } from './agents.ts';
import type { ClusterView, GoneNode, GoneNodes } from './api.ts';
import { type AttemptDeps, attempt } from './attempt.ts';
import { createGlobal, refuseIfGlobal } from './create-global.ts';
import { type CopySource, type CreateRequest, type Outline, parseCreateRequest } from './create-request.ts';
import { joinReasons, NotConnectedError } from './errors.ts';
import { findName, tryAll } from './find-name.ts';
import { goneByKey } from './gone.ts';
import { type Candidate, isSegmentOf, type KnownNode, type Placement, place } from './place.ts';

export interface CreateVolumeDeps extends AttemptDeps {
  readonly goneNodes: Pick<GoneNodes, 'list'>;
  /** Absent outside Kubernetes. */
  readonly view?: Pick<ClusterView, 'node'> | undefined;
  readonly pools: readonly Outline[];
  readonly driverName: string;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * CreateVolume on the first node that will do, or in a global pool. A name that is tried in one place is in no other until that one
 * has refused it.
 */
export function createVolume(deps: CreateVolumeDeps): Rpc<'CreateVolume'> {
  const underWay = new Set<string>();
  return async (request, call) => {
    const asked = parseCreateRequest(deps.driverName, deps.pools, request);
    // Two calls of one name could end in two places, whose locks know nothing of each other.
    if (underWay.has(asked.name))
      throw new ConvoyError('Busy', `volume ${JSON.stringify(asked.name)} is being created by another call: try again`);
    underWay.add(asked.name);
    try {
      if (asked.pool.scope === 'global') return await createGlobal(deps, asked, request, call);
      await refuseIfGlobal(deps, asked, call);
      return await new Creation(deps, asked, request, call).run();
    } finally {
      underWay.delete(asked.name);
    }
  };
}

class Creation {
  readonly #deps: CreateVolumeDeps;
  readonly #agents: Agents;
  readonly #asked: CreateRequest;
  readonly #request: CreateVolumeRequest__Output;
  readonly #call: Call;

  constructor(deps: CreateVolumeDeps, asked: CreateRequest, request: CreateVolumeRequest__Output, call: Call) {
    this.#deps = deps;
    this.#agents = deps.router.agents;
    this.#asked = asked;
    this.#request = request;
    this.#call = call;
  }

  async run(): Promise<CreateVolumeResponse> {
    const { candidates, passedOver } = await this.#placeAmongTried();
    if (candidates.length === 0) throw this.#noNode(passedOver);
    const [only] = candidates.length > 1 ? await this.#alreadyOn(candidates) : candidates;
    if (only !== undefined) return this.#createOn(only);
    return this.#tryEach(candidates, passedOver);
  }

  /** After a start of ours no node was tried yet, and any of them may have the name from before. */
  async #placeAmongTried(): Promise<Placement> {
    const { name } = this.#asked;
    const placement = this.#place();
    if (placement.candidates.length < 2 || this.#deps.names.find(name) !== undefined) return placement;
    const untried = this.#untried(placement);
    if (untried.length === 0) return placement;
    await tryAll(this.#agents, untried, this.#call);
    const tried = this.#place();
    const left = this.#untried(tried).map((key) => this.#agents.nameOf(key));
    if (left.length === 0) return tried;
    throw new ConvoyError(
      'Unavailable',
      `volume ${JSON.stringify(name)} is not made yet: whether a node has it from before cannot be told while nodes are being connected to (${joinReasons(left)}); try again`,
    );
  }

  #untried({ candidates }: Placement): readonly string[] {
    return candidates.map(({ key }) => key).filter((key) => this.#agents.link(key)?.untried === true);
  }

  #place(): Placement {
    const gone = goneByKey(this.#deps.goneNodes);
    const { name, pool, required, source } = this.#asked;
    if (source !== undefined) this.#checkSource(source, gone);
    const request = { name, pool: pool.config.name, required, ...(source === undefined ? {} : { at: source.id.node }) };
    return place(request, knownNodes(this.#agents), gone);
  }

  /** A copy is made where its data is, also when another node is preferred: the scheduler moves the pod there. */
  #checkSource({ what, id }: CopySource, gone: ReadonlyMap<string, GoneNode>): void {
    const { required } = this.#asked;
    const left = gone.get(id.node)?.nodeName;
    if (left !== undefined)
      throw new ConvoyError(
        'NoSpace',
        `${what} was on node ${left}, which was declared gone: it cannot be copied (if the node is back: convoy node readmit ${left})`,
      );
    if (required === undefined || required.some((segment) => isSegmentOf(id.node, segment))) return;
    throw new ConvoyError(
      'NoSpace',
      `${what} is on node ${this.#agents.nameOf(id.node)}, but accessibility_requirements allow only ${joinReasons(required)}: allow that node in the StorageClass (allowedTopologies), or let the pod run there`,
    );
  }

  /** Where the name is tried or made already; empty = nowhere, as far as can be told. */
  async #alreadyOn(candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    const { name } = this.#asked;
    const remembered = this.#deps.names.find(name);
    const known = candidates.find(({ key }) => key === remembered);
    if (known !== undefined) return [known];
    const found = await findName(this.#agents, name, candidates, this.#call, this.#deps.log);
    return candidates.filter(({ key }) => key === found);
  }

  async #tryEach(candidates: readonly Candidate[], passedOver: readonly string[]): Promise<CreateVolumeResponse> {
    const full: string[] = [];
    const silent: string[] = [];
    for (const candidate of candidates) {
      if (candidate.silent !== undefined && (await this.#mayPassOver(candidate))) {
        silent.push(candidate.silent);
        continue;
      }
      try {
        return await this.#createOn(candidate);
      } catch (error) {
        if (error instanceof NotConnectedError && (await this.#mayPassOver(candidate))) silent.push(error.message);
        else if (isConvoyError(error, 'NoSpace')) full.push(error.message);
        else throw error;
      }
    }
    if (silent.length === 0) throw this.#noNode([...full, ...passedOver]);
    throw new ConvoyError(
      'Unavailable',
      `volume ${JSON.stringify(this.#asked.name)} is not made: ${full.length} nodes have no room, and ${silent.length} cannot be asked: ${joinReasons(silent)}`,
    );
  }

  /**
   * An agent that restarts, or is replaced, is waited for: the scheduler may have sent a pod to its node that can go nowhere else,
   * and it sends none to a node that is down.
   */
  async #mayPassOver({ name, skippable }: Candidate): Promise<boolean> {
    const { view } = this.#deps;
    return skippable && view !== undefined && (await view.node(name))?.ready !== true;
  }

  async #createOn(candidate: Candidate): Promise<CreateVolumeResponse> {
    const { key, name: node } = candidate;
    if (this.#agents.link(key) === undefined && candidate.silent !== undefined) throw new NotConnectedError(candidate.silent);
    const here = [topologyOf(this.#deps.driverName, node)];
    const request = { ...this.#request, accessibilityRequirements: { requisite: here, preferred: here } };
    return attempt(this.#deps, key, request as CreateVolumeRequest__Output, this.#call, () => this.#refuseIfGone(key, node));
  }

  /** An admin forced the node out while it made the volume: nobody would ever delete a PersistentVolume that is named now. */
  #refuseIfGone(key: string, node: string): void {
    if (goneByKey(this.#deps.goneNodes).get(key) === undefined) return;
    throw new ConvoyError('Unavailable', `node ${node} was declared gone while it made the volume: try again`);
  }

  #noNode(reasons: readonly string[]): ConvoyError {
    return new ConvoyError('NoSpace', `no node can take volume ${JSON.stringify(this.#asked.name)}: ${joinReasons(reasons)}`);
  }
}

export function knownNodes(agents: Agents): ReadonlyMap<string, KnownNode> {
  return new Map(
    agents
      .links()
      .map(({ key, name, description, reason, address }) => [
        key,
        { key, name, pools: description?.pools, reason, serving: address.serving },
      ]),
  );
}
