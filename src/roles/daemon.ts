export async function runDaemon(_args: readonly string[]): Promise<number> { return 1; }
