// Made by scripts/generate.ts from the csi_secret option of proto/csi.proto and the rules in scripts/descriptor.ts.
import type { RedactionTable } from '../redact.ts';

export const REDACTION: RedactionTable = {
  "csi.v1.ControllerExpandVolumeRequest": {
    "secrets": "secret",
    "volumeCapability": {
      "message": "csi.v1.VolumeCapability"
    }
  },
  "csi.v1.ControllerGetVolumeHealthRequest": {
    "secrets": "secret"
  },
  "csi.v1.ControllerGetVolumeResponse": {
    "volume": {
      "message": "csi.v1.Volume"
    }
  },
  "csi.v1.ControllerListVolumeHealthRequest": {
    "secrets": "secret"
  },
  "csi.v1.ControllerModifyVolumeRequest": {
    "secrets": "secret"
  },
  "csi.v1.ControllerPublishVolumeRequest": {
    "volumeCapability": {
      "message": "csi.v1.VolumeCapability"
    },
    "secrets": "secret",
    "volumeContext": "context"
  },
  "csi.v1.ControllerUnpublishVolumeRequest": {
    "secrets": "secret"
  },
  "csi.v1.CreateSnapshotRequest": {
    "secrets": "secret"
  },
  "csi.v1.CreateVolumeRequest": {
    "volumeCapabilities": {
      "message": "csi.v1.VolumeCapability"
    },
    "secrets": "secret"
  },
  "csi.v1.CreateVolumeResponse": {
    "volume": {
      "message": "csi.v1.Volume"
    }
  },
  "csi.v1.DeleteSnapshotRequest": {
    "secrets": "secret"
  },
  "csi.v1.DeleteVolumeRequest": {
    "secrets": "secret"
  },
  "csi.v1.GetCapacityRequest": {
    "volumeCapabilities": {
      "message": "csi.v1.VolumeCapability"
    }
  },
  "csi.v1.GetSnapshotRequest": {
    "secrets": "secret"
  },
  "csi.v1.ListSnapshotsRequest": {
    "secrets": "secret"
  },
  "csi.v1.ListVolumesResponse": {
    "entries": {
      "message": "csi.v1.ListVolumesResponse.Entry"
    }
  },
  "csi.v1.ListVolumesResponse.Entry": {
    "volume": {
      "message": "csi.v1.Volume"
    }
  },
  "csi.v1.NodeExpandVolumeRequest": {
    "volumeCapability": {
      "message": "csi.v1.VolumeCapability"
    },
    "secrets": "secret"
  },
  "csi.v1.NodeGetStorageHealthRequest": {
    "secrets": "secret"
  },
  "csi.v1.NodeGetStorageHealthResponse": {
    "backendHealth": {
      "message": "csi.v1.NodeGetStorageHealthResponse.StorageBackendHealth"
    }
  },
  "csi.v1.NodeGetStorageHealthResponse.StorageBackendHealth": {
    "volumeCapability": {
      "message": "csi.v1.VolumeCapability"
    }
  },
  "csi.v1.NodePublishVolumeRequest": {
    "volumeCapability": {
      "message": "csi.v1.VolumeCapability"
    },
    "secrets": "secret",
    "volumeContext": "context"
  },
  "csi.v1.NodeStageVolumeRequest": {
    "volumeCapability": {
      "message": "csi.v1.VolumeCapability"
    },
    "secrets": "secret",
    "volumeContext": "context"
  },
  "csi.v1.ValidateVolumeCapabilitiesRequest": {
    "volumeContext": "context",
    "volumeCapabilities": {
      "message": "csi.v1.VolumeCapability"
    },
    "secrets": "secret"
  },
  "csi.v1.ValidateVolumeCapabilitiesResponse": {
    "confirmed": {
      "message": "csi.v1.ValidateVolumeCapabilitiesResponse.Confirmed"
    }
  },
  "csi.v1.ValidateVolumeCapabilitiesResponse.Confirmed": {
    "volumeContext": "context",
    "volumeCapabilities": {
      "message": "csi.v1.VolumeCapability"
    }
  },
  "csi.v1.Volume": {
    "volumeContext": "context"
  },
  "csi.v1.VolumeCapability": {
    "mount": {
      "message": "csi.v1.VolumeCapability.MountVolume"
    }
  },
  "csi.v1.VolumeCapability.MountVolume": {
    "mountFlags": "secret"
  }
};
