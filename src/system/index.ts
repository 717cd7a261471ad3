export * from './api.ts';
export { openSystem, type SystemOptions } from './open-system.ts';
