// Original file: proto/admin.proto

import type { Job as _convoy_admin_v0_Job, Job__Output as _convoy_admin_v0_Job__Output } from '../../../convoy/admin/v0/Job.ts';

export interface ListJobsResponse {
  'jobs'?: (_convoy_admin_v0_Job)[];
}

export interface ListJobsResponse__Output {
  'jobs': (_convoy_admin_v0_Job__Output)[];
}
