"""Who may do what in the web server of ``make airflow``; Airflow's own roles are too wide for it.

An approver answers a request and reads, and starts, clears or marks nothing. No one writes what
tasks hand to each other (XCom): else a builder could write an approver's answer himself.
"""

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import (
    SimpleAuthManager,
    SimpleAuthManagerRole,
)
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

OPERATORS = (SimpleAuthManagerRole.OP.name, SimpleAuthManagerRole.ADMIN.name)


class LeastRights(SimpleAuthManager):
    """Airflow's simple auth manager, of whose rights on DAGs fewer are left."""

    def is_authorized_dag(
        self,
        *,
        method: Any,
        user: SimpleAuthManagerUser,
        access_entity: DagAccessEntity | None = None,
        details: Any = None,
    ) -> bool:
        """Whether a user may do this with a DAG or a part of it."""
        if method == "GET" or access_entity == DagAccessEntity.HITL_DETAIL:
            return bool(
                super().is_authorized_dag(
                    method=method, user=user, access_entity=access_entity, details=details
                )
            )
        is_operator = (user.role or "").upper() in OPERATORS
        return is_operator and access_entity != DagAccessEntity.XCOM
