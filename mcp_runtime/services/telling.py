"""Telling boards that are open somewhere that something on them changed; they look for themselves what."""

import logging
from functools import partial
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

BOARD_CHANGED = "board.changed"


def board_group(tenant_id: UUID) -> str:
    """The group of the channel layer in which a tenant's open boards are."""
    return f"board-{tenant_id}"


def tell_board(tenant_id: UUID) -> None:
    """Tells a tenant's open boards, when the transaction commits. While Valkey is away they find out by looking."""
    transaction.on_commit(partial(_tell, tenant_id))


def _tell(tenant_id: UUID) -> None:
    layer = get_channel_layer()
    try:
        async_to_sync(layer.group_send)(board_group(tenant_id), {"type": BOARD_CHANGED})
    except (RedisError, OSError) as error:
        logger.warning("open boards were not told: %s", type(error).__name__)
