// SPDX-License-Identifier: MPL-2.0
//! Where the camera registers: at the server of its key, or at one in this process.

use std::path::Path;

use porthole_protocol::key::CameraKey;
use tokio::runtime::Handle;

use super::{
    embedded::{self, Embedded, Token},
    settings::Settings,
};

/// The server, and what the camera is there.
pub(crate) struct Registration {
    pub(crate) key: CameraKey,
    /// The display name that the camera gives itself. With a key, the server knows it, and only the user may overrule it.
    pub(crate) name: Option<String>,
    /// Keeps the camera on the page of the server in this process.
    pub(crate) embedded: Option<Embedded>,
}

impl Registration {
    /// Starts or joins the server in this process if the user gave no key.
    pub(crate) fn find(
        settings: &Settings,
        token: &Token,
        runtime: &Handle,
    ) -> Result<Self, gst::ErrorMessage> {
        let setting = |error: &dyn std::fmt::Display| {
            gst::error_msg!(gst::ResourceError::Settings, ("{error}"))
        };
        settings.check_stun().map_err(|e| setting(&e))?;
        match settings.key().map_err(|e| setting(&e))? {
            Some(_) if settings.open_access => Err(gst::error_msg!(
                gst::ResourceError::Settings,
                ("open-access=true is for the server in this process and does not go with a camera key; drop one of the two")
            )),
            Some(_) if settings.data_dir.is_some() => Err(gst::error_msg!(
                gst::ResourceError::Settings,
                ("data-dir is for the server in this process and does not go with a camera key; drop one of the two")
            )),
            Some(_) if settings.whep => Err(gst::error_msg!(
                gst::ResourceError::Settings,
                ("whep=true is for the server in this process and does not go with a camera key; drop it, and write [whep] into the server's configuration")
            )),
            Some(key) => Ok(Self {
                key,
                name: settings.given_name().map(str::to_owned),
                embedded: None,
            }),
            None => {
                let listen = settings.listen().map_err(|e| setting(&e))?;
                let name = settings.name();
                let config = embedded::Config {
                    listen,
                    open_access: settings.open_access,
                    data_dir: settings.data_dir.as_deref().map(Path::new),
                    stun_server: settings.stun_server.as_deref(),
                    whep: settings.whep,
                    allowed_hosts: settings.allowed_hosts().map_err(|e| setting(&e))?,
                    camera_name: &name,
                    token,
                };
                let embedded = embedded::join(&config, runtime)
                    .map_err(|e| gst::error_msg!(gst::ResourceError::OpenRead, ("{e}")))?;
                Ok(Self {
                    key: embedded.key.clone(),
                    name: Some(name),
                    embedded: Some(embedded),
                })
            }
        }
    }

    /// The camera's name as far as it is known here.
    pub(crate) fn camera_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.key.id)
    }

    /// The first administrator's password, if this sink has just made one.
    pub(crate) fn password(&self) -> Option<&str> {
        self.embedded.as_ref()?.password.as_deref()
    }

    /// The links to the page, if this sink started the server and is to tell them.
    pub(crate) fn links(&self) -> Option<&[String]> {
        self.embedded.as_ref()?.links.as_deref()
    }
}
