"""Notices that a job of mine has ended, and what a person wants to be told of."""

from django.db import models
from django.utils import timezone

from webapp.accounts.models import User
from webapp.jobs.models import Job


class Mail(models.TextChoices):
    """What became of the mail of a notice."""

    NONE = "none", "No mail"
    DUE = "due", "To be sent"
    SENDING = "sending", "On its way"
    SENT = "sent", "Sent"
    FAILED = "failed", "Could not be sent"


class NoticeQuerySet(models.QuerySet):
    """Reads of notices."""

    def for_user(self, user: User) -> "NoticeQuerySet":
        """Return the notices of one person."""
        return self.filter(user=user)

    def unread(self) -> "NoticeQuerySet":
        """Return those that nobody has marked as read."""
        return self.filter(read_at=None)


class Notice(models.Model):
    """One job that has ended, told to the person who asked for it.

    It is written in the transaction that ends the job. `mail_after` is when a mail may be tried next.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="notices")
    state = models.CharField(max_length=10)
    seconds = models.FloatField(default=0.0)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=8, choices=Mail.choices, default=Mail.NONE)
    mail_tries = models.PositiveSmallIntegerField(default=0)
    mail_after = models.DateTimeField(default=timezone.now)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "read_at"], name="notices_of_a_person"),
            models.Index(
                fields=["mail_after"],
                name="mails_to_be_sent",
                condition=models.Q(mail__in=("due", "sending")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job} for {self.user}"


class NoticeWish(models.Model):
    """What a person wants mails about; who has said nothing gets those of jobs that took long."""

    class When(models.TextChoices):
        LONG = "long", "jobs that took longer than"
        FAILED = "failed", "jobs that failed"
        NEVER = "never", "nothing"

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="notice_wish")
    when = models.CharField(max_length=6, choices=When.choices, default=When.LONG)
    minutes = models.PositiveIntegerField(default=10)

    def __str__(self) -> str:
        return f"{self.user}: {self.get_when_display()}"
