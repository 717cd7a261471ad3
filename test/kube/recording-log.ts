import type { Log, LogFields } from '../../src/observe/log.ts';

export interface RecordingLog extends Log {
  /** `level: message` of each entry, in order. */
  readonly entries: readonly string[];
}

export function recordingLog(): RecordingLog {
  const entries: string[] = [];
  const at = (level: string) => (_fields: LogFields, message: string) => void entries.push(`${level}: ${message}`);
  const log: RecordingLog = { entries, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => log };
  return log;
}
