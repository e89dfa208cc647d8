"""What the demo's people write by mail, and what is written to them. Invented, all of it."""

LETTER_NAME = "Thank you for the autumn"
LETTER_SUBJECT = "What your cards did this autumn"
LETTER_BODY = (
    "Dear ((member.first_name)),\n\n"
    "thank you for writing this autumn. ((mbt.joined)) states have joined the Mine Ban Treaty and "
    "((ccm.joined)) the Convention on Cluster Munitions. Every card you wrote asks ours to be the "
    "next.\n\n"
    "We meet again in January. Bring a friend.\n\n"
    "Ruth Callowhill"
)
REPLY = (
    "They answered! Can somebody put this in?\n\n"
    "---------- Forwarded message ----------\n"
    "From: Office of the Senator <office@example.org>\n"
    "Subject: Your cards\n\n"
    "Dear students,\n\n"
    "thank you for your cards about the Mine Ban Treaty. The Senator has read them and has asked "
    "the staff for foreign relations for a report. We will write to you again.\n\n"
    "Constituent services\n"
)
