"""The push providers there are."""

from services.push.providers.fcm import Fcm, FcmSettings
from services.push.providers.onesignal import OneSignal, OneSignalSettings
from shared.messages.push import PushMessage
from shared.providers.route import Vendor

VENDORS: dict[str, Vendor[PushMessage]] = {
    Fcm.name: Vendor(FcmSettings, Fcm),
    OneSignal.name: Vendor(OneSignalSettings, OneSignal),
}
