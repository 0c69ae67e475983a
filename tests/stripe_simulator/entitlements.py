"""Entitlements: features of products, and which of them a customer's subscriptions give."""

import stripe
from stripe import params as products
from stripe.params import entitlements as params

from tests.stripe_simulator.faults import invalid
from tests.stripe_simulator.routing import Request, page, readable, route
from tests.stripe_simulator.shapes import Object

_GIVING = frozenset({"active", "trialing", "past_due"})
readable("entitlements.feature", "/v1/entitlements/features", params.FeatureRetrieveParams, params.FeatureListParams,
         ("lookup_key",))  # fmt: skip


@route("POST", "/v1/entitlements/features", params.FeatureCreateParams)
def feature_create(request: Request) -> Object:
    """A feature, named by its lookup key."""
    account, given = request.account, request.params
    if any(account.all("entitlements.feature", lookup_key=given["lookup_key"], active=True)):
        raise invalid("A feature with this lookup key exists already.", param="lookup_key")
    return account.make(
        stripe.entitlements.Feature, name=given["name"], lookup_key=given["lookup_key"], active=True,
        metadata=given.get("metadata", {}),
    )  # fmt: skip


@route("POST", "/v1/products/{}/features", products.ProductFeatureCreateParams)
def product_feature_create(request: Request) -> Object:
    """Gives a product a feature."""
    account = request.account
    product = account.get("product", request.ids[0])
    feature = account.named("entitlements.feature", request.params["entitlement_feature"], "entitlement_feature")
    made = account.make(stripe.ProductFeature, entitlement_feature=feature)
    account.features.setdefault(product["id"], []).append(made["id"])
    return made


@route("GET", "/v1/products/{}/features", products.ProductFeatureListParams)
def product_features(request: Request) -> Object:
    """What a product gives."""
    account = request.account
    names = account.features.get(account.get("product", request.ids[0])["id"], [])
    return page(request, [account.objects[name] for name in names])


@route("GET", "/v1/entitlements/active_entitlements", params.ActiveEntitlementListParams)
def active(request: Request) -> Object:
    """What a customer's subscriptions give now."""
    account, given = request.account, request.params
    customer = account.named("customer", given["customer"], "customer")
    features = {
        account.objects[name]["entitlement_feature"]["id"]
        for subscription in account.all("subscription", customer=customer["id"])
        if subscription["status"] in _GIVING
        for item in subscription["items"]["data"]
        for name in account.features.get(item["price"]["product"], [])
    }
    return page(request, [_entitlement(request, customer["id"], feature) for feature in sorted(features)])


def _entitlement(request: Request, customer: str, feature: str) -> Object:
    account = request.account
    found = account.objects[feature]
    known = account.objects.get(f"ent_{customer}_{feature}")
    return known or account.make(
        stripe.entitlements.ActiveEntitlement, id=f"ent_{customer}_{feature}", feature=feature,
        lookup_key=found["lookup_key"],
    )  # fmt: skip
