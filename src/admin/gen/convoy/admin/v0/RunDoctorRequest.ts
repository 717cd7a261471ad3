// Original file: proto/admin.proto


export interface RunDoctorRequest {
  'pool'?: (string);
}

export interface RunDoctorRequest__Output {
  'pool': (string);
}
