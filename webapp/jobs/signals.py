"""What apps above this one may listen to."""

from django.dispatch import Signal

# Sent by the reaper every few minutes: a good time to delete what nobody needs any more.
tidying = Signal()
