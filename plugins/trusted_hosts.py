"""The web server answers only to names of its own; Airflow has no setting for it.

A page elsewhere whose name is made to lead to this machine (DNS rebinding) is refused.
"""

from typing import ClassVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin
from starlette.middleware.trustedhost import TrustedHostMiddleware

BASE_URL = conf.get("api", "base_url", fallback="")
HOSTS = {"localhost", "127.0.0.1", urlsplit(BASE_URL).hostname or "localhost"}


class TrustedHosts(AirflowPlugin):
    """Refuses a request whose Host is neither this machine nor the host of ``[api] base_url``."""

    name = "trusted_hosts"
    fastapi_root_middlewares: ClassVar = [
        {
            "name": name,
            "middleware": TrustedHostMiddleware,
            "kwargs": {"allowed_hosts": sorted(HOSTS), "www_redirect": False},
        }
    ]
