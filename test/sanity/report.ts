/** What csi-sanity (ginkgo's --json-report) says of one spec. */
export interface Spec {
  readonly title: string;
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending';
  /** Of a failure or a skip. */
  readonly message: string;
}

interface SpecReport {
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly State: string;
  readonly Failure?: {
    readonly Message?: string;
    readonly ForwardedPanic?: string;
    readonly Location?: { readonly FileName?: string; readonly LineNumber?: number };
  };
}

/** Every spec of the report, in order; one that panicked, timed out or was interrupted counts as failed. */
export function parseReport(json: string): readonly Spec[] {
  const suites = JSON.parse(json) as readonly { readonly SpecReports: readonly SpecReport[] | null }[];
  return suites
    .flatMap((suite) => suite.SpecReports ?? [])
    .filter(isOfInterest)
    .map(toSpec);
}

/** The specs, and whatever else (set-up, tear-down) went wrong. */
const isOfInterest = (report: SpecReport): boolean => report.LeafNodeType === 'It' || !['passed', 'skipped'].includes(report.State);

function toSpec({ ContainerHierarchyTexts, LeafNodeText, LeafNodeType, State, Failure }: SpecReport): Spec {
  const state = State === 'passed' || State === 'skipped' || State === 'pending' ? State : 'failed';
  const where =
    Failure?.Location === undefined ? '' : ` (${Failure.Location.FileName?.split('/').slice(-2).join('/')}:${Failure.Location.LineNumber})`;
  const message = [Failure?.Message, Failure?.ForwardedPanic].filter(Boolean).join(' ');
  return {
    title: [...(ContainerHierarchyTexts ?? []), LeafNodeText || LeafNodeType].join(' › '),
    state,
    message: message === '' ? '' : `${message}${state === 'failed' ? where : ''}`,
  };
}
