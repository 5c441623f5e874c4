"""What apps above this one may listen to."""

from django.dispatch import Signal

# Sent with each sweep of the reaper, every few seconds: what listens must be done at once.
swept = Signal()
# Sent with `job` inside the transaction that ends it; what listens must not harm it.
job_ended = Signal()
# Sent by the reaper every few minutes: a good time to delete what nobody needs any more.
tidying = Signal()
