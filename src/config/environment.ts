/** The environment that the program reads, and all of it: nothing else that begins with CSI_ or CONVOY_ is looked at. */
export function readEnvironment(): { readonly CSI_ENDPOINT: string | undefined; readonly CONVOY_TOPOLOGY: string | undefined } {
  const { CSI_ENDPOINT, CONVOY_TOPOLOGY } = process.env;
  return { CSI_ENDPOINT, CONVOY_TOPOLOGY };
}

/** How a pod, or a shell with a kubeconfig, finds the API server: read by role `controller` alone. */
export function readKubeEnvironment(): {
  readonly KUBECONFIG: string | undefined;
  readonly KUBERNETES_SERVICE_HOST: string | undefined;
  readonly KUBERNETES_SERVICE_PORT: string | undefined;
} {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env;
  return { KUBECONFIG, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT };
}
