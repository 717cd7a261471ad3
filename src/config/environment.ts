/** The environment that the program reads, and all of it: nothing else that begins with CSI_ is looked at. */
export function readEnvironment(): { readonly CSI_ENDPOINT: string | undefined } {
  return { CSI_ENDPOINT: process.env['CSI_ENDPOINT'] };
}
