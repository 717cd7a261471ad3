import packageJson from '../../package.json' with { type: 'json' };

/** Of the program, as GetPluginInfo, `convoy version` and the metrics say it. */
export const VERSION: string = packageJson.version;
