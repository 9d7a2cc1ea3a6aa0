//! What the process finds around it: variables of the environment and the signs of a Kubernetes pod. Knows no file of the configuration.

use std::path::{Path, PathBuf};

use crate::modes::{MODE_VARIABLE, OVERLAY_VARIABLE};

/// What a load of the configuration takes from outside the files, as values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// `SOMA_AGENT_MODE`.
    pub mode: Option<String>,
    /// `TOOLGATE_OVERLAY`.
    pub overlay: Option<PathBuf>,
    /// The signs of a pod.
    pub pod: PodSigns,
}

/// What gives a Kubernetes pod away. Each of them can be missing or be hidden by the pod's author, so one is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PodSigns {
    /// `KUBERNETES_SERVICE_HOST` is set.
    pub service_host: bool,
    /// A service account is mounted.
    pub service_account: bool,
    /// The kernel shows the kubelet's control groups or mounts.
    pub kernel: bool,
}

const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const KERNEL_FILES: [&str; 2] = ["/proc/self/cgroup", "/proc/self/mountinfo"];

impl Surroundings {
    /// Of this process.
    #[must_use]
    pub fn observe() -> Self {
        let text = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let kernel = KERNEL_FILES.iter().any(|file| std::fs::read_to_string(file).is_ok_and(|text| names_a_pod(&text)));
        Self {
            mode: text(MODE_VARIABLE),
            overlay: std::env::var_os(OVERLAY_VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from),
            pod: PodSigns {
                service_host: std::env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
                service_account: Path::new(SERVICE_ACCOUNT).exists(),
                kernel,
            },
        }
    }
}

impl PodSigns {
    /// Whether this is a pod.
    #[must_use]
    pub const fn is_pod(self) -> bool {
        self.service_host || self.service_account || self.kernel
    }
}

/// Whether the text of `/proc/self/cgroup` or `/proc/self/mountinfo` shows that a kubelet made this container.
fn names_a_pod(kernel: &str) -> bool {
    kernel.contains("kubepods") || kernel.contains("/kubelet/pods/")
}

#[cfg(test)]
mod tests {
    use super::{PodSigns, names_a_pod};

    #[test]
    fn any_sign_is_enough() {
        for bits in 0..8 {
            let signs = PodSigns { service_host: bits & 1 != 0, service_account: bits & 2 != 0, kernel: bits & 4 != 0 };
            assert_eq!(signs.is_pod(), bits != 0, "{signs:?}");
        }
    }

    #[test]
    fn the_kernel_names_pods() {
        for (text, expected) in [
            ("0::/\n", false),
            ("0::/system.slice/docker-1f.scope\n", false),
            ("12:memory:/kubepods/burstable/pod1/2\n", true),
            ("0::/kubepods.slice/kubepods-besteffort.slice/cri-containerd-1.scope\n", true),
            ("623 605 8:1 /var/lib/kubelet/pods/6f/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw\n", true),
            ("623 605 8:1 /var/lib/docker/containers/6f/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n", false),
        ] {
            assert_eq!(names_a_pod(text), expected, "{text}");
        }
    }
}
