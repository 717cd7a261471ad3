import { join } from 'node:path';
import { Server, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';

/** The floor of every comparison: grpc-js with a handler that does nothing. Its argument is the socket's path. */
const loaded = loadSync(join(import.meta.dirname, '../../proto/csi.proto'), { longs: String, enums: String, defaults: true, oneofs: true });
const server = new Server();
server.addService(loaded['csi.v1.Node'] as ServiceDefinition, {
  NodeGetVolumeStats: (_call: unknown, answer: sendUnaryData<object>) => answer(null, {}),
});
server.addService(loaded['csi.v1.Identity'] as ServiceDefinition, {
  Probe: (_call: unknown, answer: sendUnaryData<object>) => answer(null, {}),
});
server.bindAsync(`unix://${process.argv[2]}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
