"""Every error a caller can see, in one tree. The code is the contract; the words may change.

Data411Error
├─ CallerError              the caller can mend it: tool error / HTTP 4xx, no traceback, no alert
│  ├─ InvalidLead           the lead itself cannot be used
│  ├─ InvalidArgument       another argument cannot be used
│  ├─ UnknownArgument       an argument nobody knows; the nearest known one is named
│  ├─ MultiLeadRefused      same chat, different lead
│  ├─ ChatSessionRequired   the lead is being hunted in another chat right now
│  ├─ PromptsRequired       a follow-up without the user's words
│  ├─ RefreshNotPartial     refresh: true where one slot or gap was meant
│  ├─ SlotNotRerunnable     the slot cannot be run now
│  ├─ ChatBusy              another run of this chat is under way
│  ├─ PriorBackfillInvalid  the caller's copy of the graph cannot be used
│  ├─ BudgetTooLow          the ceiling does not pay for the least that was asked
│  ├─ InsufficientBalance   the balance does not cover the precharge
│  ├─ CallbackRefused       the callback address must not be called
│  ├─ Unauthorized          no key, or one that is not known (any more)
│  ├─ Forbidden             the key lacks the scope
│  ├─ RateLimited           too many requests; wait as long as it says
│  ├─ BodyTooLarge          the request is larger than this server reads
│  ├─ NotFound              no such chat, job, page, candidate or statement for this tenant
│  └─ IdentityChoiceInvalid the choice names no offered company
├─ VendorError              never leaves a slot: becomes its reason and a degraded note
│  ├─ LookupFailed          this request failed; others may go on
│  │  └─ PageRefused        the address must not be fetched (private, wrong scheme, robots.txt)
│  └─ VendorUnusable        the vendor is of no use this session (key, money, plan)
└─ StoreError               the machine's own storage
   ├─ StoreBusy             locked, or out of reach, for longer than we wait
   ├─ StoreFull             no space left
   └─ StaleVersion          someone else wrote first; read again
"""

from __future__ import annotations

from typing import ClassVar


class Data411Error(Exception):
    """Base. `message` and `hint` are our own words; vendor and page text never enters them."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_dict(self) -> dict[str, str | bool]:
        """The wire form: `code`, `message`, `hint` (the next call to make), `retryable`."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
        }


class CallerError(Data411Error):
    code = "CALLER_ERROR"
    status = 400


class InvalidLead(CallerError):
    code = "INVALID_LEAD"
    status = 422


class InvalidArgument(CallerError):
    code = "INVALID_ARGUMENT"
    status = 422


class UnknownArgument(CallerError):
    code = "UNKNOWN_ARGUMENT"
    status = 422


class MultiLeadRefused(CallerError):
    code = "MULTI_LEAD_REFUSED"
    status = 409


class ChatSessionRequired(CallerError):
    code = "CHAT_SESSION_REQUIRED"
    status = 409


class PromptsRequired(CallerError):
    code = "PROMPTS_REQUIRED"
    status = 422


class RefreshNotPartial(CallerError):
    code = "REFRESH_NOT_PARTIAL"
    status = 409


class SlotNotRerunnable(CallerError):
    code = "SLOT_NOT_RERUNNABLE"
    status = 409


class ChatBusy(CallerError):
    code = "CHAT_BUSY"
    status = 409
    retryable = True


class PriorBackfillInvalid(CallerError):
    code = "PRIOR_BACKFILL_INVALID"
    status = 422


class BudgetTooLow(CallerError):
    code = "BUDGET_TOO_LOW"
    status = 422

    def __init__(self, message: str, hint: str = "", *, price_cents: int = 0) -> None:
        super().__init__(message, hint)
        self.price_cents = price_cents


class InsufficientBalance(CallerError):
    """`billing_reason` on the wire is the word of the specification."""

    code = "VIRTUAL_BALANCE_INSUFFICIENT"
    status = 402

    def as_dict(self) -> dict[str, str | bool]:
        return super().as_dict() | {"billing_reason": self.code.lower()}


class CallbackRefused(CallerError):
    code = "CALLBACK_REFUSED"
    status = 422


class Unauthorized(CallerError):
    code = "UNAUTHORIZED"
    status = 401


class Forbidden(CallerError):
    code = "FORBIDDEN"
    status = 403


class RateLimited(CallerError):
    code = "RATE_LIMITED"
    status = 429
    retryable = True

    def __init__(self, message: str, hint: str = "", *, retry_after_seconds: int = 1) -> None:
        super().__init__(message, hint)
        self.retry_after_seconds = retry_after_seconds


class BodyTooLarge(CallerError):
    code = "BODY_TOO_LARGE"
    status = 413


class IdentityChoiceInvalid(CallerError):
    code = "IDENTITY_CHOICE_INVALID"
    status = 422


class NotFound(CallerError):
    code = "NOT_FOUND"
    status = 404


class ThreadLocked(CallerError):
    """The thread is read-only: a newer one of the same company has taken its place."""

    code = "THREAD_LOCKED"
    status = 409


class PlanMissing(CallerError):
    """Enrichment was asked for before there was a plan to enrich."""

    code = "PLAN_MISSING"
    status = 412


class RecipientNotAllowed(CallerError):
    """The address is not among those that the tenant's configuration allows."""

    code = "RECIPIENT_NOT_ALLOWED"
    status = 403


class VendorError(Data411Error):
    """Stays inside a slot. `reason` is a stable word for the trace, such as `timeout`."""

    code = "VENDOR_ERROR"
    status = 502

    def __init__(
        self, reason: str, message: str = "", *, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message or reason)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class LookupFailed(VendorError):
    code = "LOOKUP_FAILED"
    retryable = True


class PageRefused(LookupFailed):
    code = "PAGE_REFUSED"
    retryable = False


class VendorUnusable(VendorError):
    code = "VENDOR_UNUSABLE"


class StoreError(Data411Error):
    code = "STORE_ERROR"
    status = 503


class StoreBusy(StoreError):
    code = "STORE_BUSY"
    retryable = True


class StoreFull(StoreError):
    code = "STORE_FULL"


class StaleVersion(StoreError):
    code = "STALE_VERSION"
    status = 409
    retryable = True
