"""The mail providers there are."""

from services.email.providers.mailgun import Mailgun, MailgunSettings
from services.email.providers.sendgrid import SendGrid, SendGridSettings
from services.email.providers.ses import Ses
from services.email.providers.ses_settings import SesSettings
from services.email.providers.smtp import Smtp
from services.email.providers.smtp_settings import SmtpSettings
from shared.messages.email import EmailMessage
from shared.providers.route import Vendor

VENDORS: dict[str, Vendor[EmailMessage]] = {
    Smtp.name: Vendor(SmtpSettings, Smtp),
    SendGrid.name: Vendor(SendGridSettings, SendGrid),
    Mailgun.name: Vendor(MailgunSettings, Mailgun),
    Ses.name: Vendor(SesSettings, Ses),
}
