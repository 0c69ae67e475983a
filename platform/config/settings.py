"""Django settings: one file, read from the environment, failing loudly."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.utils.csp import CSP

from core import environment
from core.broker_lines import layer_host

DEBUG = environment.boolean("ARMSTRONG_DEBUG", default=False)
SECRET_KEY = environment.secret("ARMSTRONG_SECRET_KEY")
SECRET_KEY_FALLBACKS = environment.words("ARMSTRONG_SECRET_KEY_FALLBACKS")

CONSOLE_URL = environment.text("CONSOLE_URL", "http://localhost:8000").rstrip("/")
RUNTIME_URL = environment.text("RUNTIME_URL", "http://localhost:8100").rstrip("/")
# Where the console itself reaches the runtime; differs from RUNTIME_URL behind a proxy.
RUNTIME_INTERNAL_URL = environment.text("RUNTIME_INTERNAL_URL", RUNTIME_URL).rstrip("/")
# Below it each tenant has a host of its own; empty: none has.
TENANT_DOMAIN = environment.text("TENANT_DOMAIN", "").lower().strip(".")
RUNTIME_HOSTS = environment.words("RUNTIME_HOSTS")
_secure = CONSOLE_URL.startswith("https://")

ALLOWED_HOSTS = [urlsplit(CONSOLE_URL).hostname or "", *environment.words("CONSOLE_HOSTS", "localhost 127.0.0.1 [::1]")]
CSRF_TRUSTED_ORIGINS = [CONSOLE_URL]

INSTALLED_APPS = [
    # First, so that their templates stand before those of the libraries below.
    "console",
    "tenants",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "channels",
    "django_cotton.apps.SimpleAppConfig",
    "django_htmx",
    "ninja",
    "servestatic",
    "billing",
    "mcp_runtime",
]

MIDDLEWARE = [
    "console.middleware.request_ids",
    "console.api.problems.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "console.middleware.sso_sessions",
    "console.middleware.devices",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton"],
            "context_processors": [
                "django.template.context_processors.csp",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
COTTON_DIR = "elements"
# An element sees its own arguments and what context processors give, never the page's variables by accident.
COTTON_ISOLATE_BY_DEFAULT = True


def _database(url: str) -> dict[str, object]:
    """Django's description of the database at a postgresql:// URL."""
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": unquote(parts.hostname or ""),
        "PORT": parts.port or "",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
    }


# The role of DATABASE_URL is neither owner nor superuser; `armstrong migrate` alone uses DATABASE_OWNER_URL.
DATABASES = {"default": _database(environment.secret("DATABASE_URL"))}
_pool_size = environment.integer("DATABASE_POOL_SIZE", 0)
if _pool_size:
    DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 1, "max_size": _pool_size, "timeout": 10}}

REDIS_URL = environment.secret("REDIS_URL")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [layer_host(REDIS_URL)], "prefix": "armstrong"},
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT = "config.broker:SturdyTransport"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "purge-deleted-tenants": {"task": "tenants.purge_deleted", "schedule": timedelta(minutes=10)},
    "purge-used-up": {"task": "tenants.purge_used_up", "schedule": timedelta(hours=1)},
    "revoke-at-providers": {"task": "tenants.revoke_at_providers", "schedule": timedelta(seconds=15)},
    "sweep-leavers": {
        "task": "tenants.sweep_leavers",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "refresh-sso-metadata": {"task": "tenants.refresh_sso_metadata", "schedule": timedelta(days=1)},
    # Each host a day after it was looked at last.
    "look-at-hosts": {"task": "mcp_runtime.look_at_hosts", "schedule": timedelta(minutes=5)},
    "recheck-domains": {"task": "tenants.recheck_domains", "schedule": timedelta(days=1)},
    "refresh-issuer-keys": {
        "task": "tenants.refresh_issuer_keys",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "purge-ended-sessions": {"task": "mcp_runtime.purge_ended_sessions", "schedule": timedelta(minutes=10)},
    "purge-call-budgets": {"task": "mcp_runtime.purge_call_budgets", "schedule": timedelta(hours=1)},
    "sweep-imports": {"task": "mcp_runtime.sweep_imports", "schedule": timedelta(seconds=15)},
    # A sweep that waited for longer than until the next one has nothing to say beside it.
    "sweep-probes": {
        "task": "mcp_runtime.sweep_probes",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "stream-audit": {
        "task": "tenants.stream_audit",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "deliver-alerts": {
        "task": "mcp_runtime.deliver_alerts",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    # Twice a minute, so that one look may be lost without a minute that nobody saw.
    "sweep-uptime": {"task": "mcp_runtime.sweep_uptime", "schedule": timedelta(seconds=30), "options": {"expires": 25}},
    "uptime-close": {"task": "billing.uptime_close", "schedule": timedelta(hours=1)},
    "uptime-choose": {"task": "billing.uptime_choose", "schedule": timedelta(hours=1)},
    "purge-health-events": {"task": "mcp_runtime.purge_health_events", "schedule": timedelta(hours=6)},
    "settle-entitlements": {"task": "billing.entitlements_settle_due", "schedule": timedelta(minutes=1)},
    "usage-sum": {"task": "billing.usage_sum", "schedule": timedelta(minutes=1)},
    "send-usage": {
        "task": "billing.send_usage",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    "send-purchase-usage": {
        "task": "billing.send_purchase_usage",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    "settle-purchases": {
        "task": "billing.settle_purchases",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 15},
    },
    "publish-purchases": {
        "task": "mcp_runtime.publish_purchases",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "end-sellers": {"task": "billing.end_sellers", "schedule": timedelta(minutes=1)},
    "reconcile-sellers": {"task": "billing.reconcile_sellers", "schedule": timedelta(hours=1)},
    "catch-up-usage": {"task": "billing.catch_up_usage", "schedule": timedelta(hours=1)},
    "usage-partitions": {"task": "billing.usage_partitions", "schedule": timedelta(hours=1)},
    "receipts-expire": {"task": "billing.receipts_expire", "schedule": timedelta(hours=6)},
    "audit-expire": {"task": "billing.audit_expire", "schedule": timedelta(hours=6)},
    "sweep-stripe-events": {
        "task": "billing.sweep_stripe_events",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "settle-standings": {"task": "billing.settle_standings", "schedule": timedelta(minutes=1)},
    "reconcile-stripe": {"task": "billing.reconcile_stripe", "schedule": timedelta(hours=1)},
    "forget-stripe-events": {"task": "billing.forget_stripe_events", "schedule": timedelta(days=1)},
    "usage-expire": {"task": "billing.usage_expire", "schedule": timedelta(hours=1)},
}

# Payments. Without a key nobody can pay; `sk_live_…` moves real money.
STRIPE_API_KEY = environment.optional_secret("STRIPE_API_KEY")
# What stands in for Stripe's API (tests/stripe_simulator); empty: Stripe's own.
STRIPE_API_URL = environment.text("STRIPE_API_URL", "").rstrip("/")
# Two while one is exchanged for the other.
STRIPE_WEBHOOK_SECRETS = environment.optional_secret("STRIPE_WEBHOOK_SECRETS").replace(",", " ").split()
STRIPE_AUTOMATIC_TAX = environment.boolean("STRIPE_AUTOMATIC_TAX", default=False)
# For how many days the plan stays after Stripe gave up getting what is owed.
BILLING_GRACE_DAYS = environment.integer("BILLING_GRACE_DAYS", 7)
# What the platform keeps of each payment to a tenant that sells its endpoints; what is on sale keeps its own.
RESALE_FEE_PERCENT = environment.percentage("RESALE_FEE_PERCENT", "5")

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
# As long as the address's code: mail is sometimes slow.
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if _secure else "http"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_ADAPTER = "tenants.accounts.AccountAdapter"
ACCOUNT_SIGNUP_FORM_CLASS = "tenants.accounts.SignupForm"
# How many proxies stand in front and append to X-Forwarded-For; tries are counted by the address they name.
ALLAUTH_TRUSTED_PROXY_COUNT = environment.integer("TRUSTED_PROXIES", 0)
MFA_ADAPTER = "tenants.accounts.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Joe Armstrong AGI MCP"
# One step either way, for clocks that drift and people who type slowly (RFC 6238 section 5.2).
MFA_TOTP_TOLERANCE = 1
# Passkeys need a secure context; browsers count http://localhost as one.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _secure
USERSESSIONS_TRACK_ACTIVITY = True

_smtp_host = environment.text("EMAIL_HOST", "")
_smtp_user = environment.text("EMAIL_HOST_USER", "")
MAILERS: dict[str, dict[str, object]] = {"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}
if _smtp_host:
    MAILERS["default"] = {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": _smtp_host,
            "port": environment.integer("EMAIL_PORT", 587),
            "username": _smtp_user,
            "password": environment.secret("EMAIL_HOST_PASSWORD") if _smtp_user else "",
            "use_tls": environment.boolean("EMAIL_USE_TLS", default=True),
            "timeout": 10,
        },
    }
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM", "Joe Armstrong AGI MCP <no-reply@localhost>")

TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en"
USE_I18N = True
FORMAT_MODULE_PATH = ["console.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = Path(environment.text("ARMSTRONG_STATE", "var")).absolute() / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = _secure
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _secure
CSRF_COOKIE_HTTPONLY = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "connect-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "img-src": [CSP.SELF, "data:"],
    "manifest-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF],
}

# A body that a console form or the REST API takes; the runtime has its own limit.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "core.request_ids.RequestIds"}},
    "formatters": {"line": {"format": "{levelname} {name}: {message}{request}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request"]}},
    # It tells each request and its whole answer.
    "loggers": {"stripe": {"level": "WARNING"}},
    "root": {"handlers": ["console"], "level": environment.text("ARMSTRONG_LOG_LEVEL", "INFO")},
}
