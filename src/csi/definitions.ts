import { fromJSON, type MethodDefinition } from '@grpc/proto-loader';
import type { ControllerDefinition } from './gen/csi/v1/Controller.ts';
import type { IdentityDefinition } from './gen/csi/v1/Identity.ts';
import type { NodeDefinition } from './gen/csi/v1/Node.ts';
import csi from './gen/csi.json' with { type: 'json' };
import type { RegistrationDefinition } from './gen/pluginregistration/Registration.ts';
import registration from './gen/registration.json' with { type: 'json' };

/** The services, as grpc-js wants them: from the trimmed descriptors, so that no proto file is parsed at start. */
export interface CsiDefinitions {
  readonly Identity: IdentityDefinition;
  readonly Controller: ControllerDefinition;
  readonly Node: NodeDefinition;
}

/** The same options as in scripts/generate.ts, or types and values differ. int64 are strings: they exceed 2^53. */
const OPTIONS = { longs: String, enums: String, defaults: true, oneofs: true } as const;

type Descriptor = Parameters<typeof fromJSON>[0];

const loaded = fromJSON(csi as Descriptor, OPTIONS);

export const csiDefinitions: CsiDefinitions = {
  Identity: loaded['csi.v1.Identity'] as unknown as IdentityDefinition,
  Controller: loaded['csi.v1.Controller'] as unknown as ControllerDefinition,
  Node: loaded['csi.v1.Node'] as unknown as NodeDefinition,
};

/** The service that a plugin serves to the kubelet; loaded only by who registers. */
export function loadRegistration(): RegistrationDefinition {
  return fromJSON(registration as Descriptor, OPTIONS)['pluginregistration.Registration'] as unknown as RegistrationDefinition;
}

/** Request and response of each RPC of a generated service definition, its index signature left out. */
export type MethodsOf<Definition> = {
  readonly [K in keyof Definition as string extends K ? never : number extends K ? never : K]: Definition[K] extends MethodDefinition<
    infer Request,
    infer Response,
    infer RequestOut,
    infer ResponseOut
  >
    ? { readonly request: Request; readonly response: Response; readonly received: RequestOut; readonly answered: ResponseOut }
    : never;
};

export type IdentityMethods = MethodsOf<IdentityDefinition>;
export type ControllerMethods = MethodsOf<ControllerDefinition>;
export type NodeMethods = MethodsOf<NodeDefinition>;
/** RPC names are unique across the services. */
export type CsiMethods = IdentityMethods & ControllerMethods & NodeMethods;
export type RpcName = keyof CsiMethods;
