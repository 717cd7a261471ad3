// Original file: proto/admin.proto


// Original file: proto/admin.proto

export const _convoy_admin_v0_InitPoolRequest_How = {
  HOW_UNSPECIFIED: 'HOW_UNSPECIFIED',
  INIT: 'INIT',
  REPLACE: 'REPLACE',
  ADOPT: 'ADOPT',
} as const;

export type _convoy_admin_v0_InitPoolRequest_How =
  | 'HOW_UNSPECIFIED'
  | 0
  | 'INIT'
  | 1
  | 'REPLACE'
  | 2
  | 'ADOPT'
  | 3

export type _convoy_admin_v0_InitPoolRequest_How__Output = typeof _convoy_admin_v0_InitPoolRequest_How[keyof typeof _convoy_admin_v0_InitPoolRequest_How]

export interface InitPoolRequest {
  'pool'?: (string);
  'how'?: (_convoy_admin_v0_InitPoolRequest_How);
}

export interface InitPoolRequest__Output {
  'pool': (string);
  'how': (_convoy_admin_v0_InitPoolRequest_How__Output);
}
